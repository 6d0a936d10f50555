package sim

import "fmt"

// Call sends a request and waits for the answer. The error is ErrBroken if no
// answer will come; the request may have been served or not. R is the answer's
// type, or any.
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
