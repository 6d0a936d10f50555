package sim

import "fmt"

// Call sends a request and waits for the answer. R is the answer's type, or any.
//
// The error is nil or ErrBroken: no answer will come, and the request may have been
// served or not. A lost message and a broken connection are one error, as a client
// cannot tell them apart. On a broken connection every Call returns ErrBroken at
// once, so a client that tries again dials first:
//
//	for {
//		done, err := sim.Call[Done](t, conn, Deposit{10})
//		if err == nil {
//			return done
//		}
//		conn.Redial(t)
//	}
//
// Call has no timeout. With World.Allow(Faults{Cuts: 1}) the loop above is a client
// that times out: a cut of the answer's direction ends the Call, and the request is
// still on its way. It may arrive after the second one. A client that keeps the
// connection after its timeout has a task that calls Conn.ReceiveAny and sends the
// answers on a Chan; Select then waits for the Chan or for a Timer.
func Call[R any](t *Task, c *Conn, request Message) (answer R, err error) {
	name := t.next // Of the point where it waits.
	t.next = ""
	c.Send(t, request)
	t.next = name
	m := c.Receive(t)
	if t.unwinds() {
		return answer, nil
	}
	if m == ErrBroken {
		return answer, ErrBroken
	}
	answer, ok := m.(R)
	if !ok {
		panic(fmt.Sprintf("sim: Call[%T] of %s to %s is answered by %T: name that type, or any", answer, NameOf(request), c.node.name, m))
	}
	return answer, nil
}
