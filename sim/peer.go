package sim

import "fmt"

// asking is the near end of a connection that a node has dialled: a broker that
// asks another one. There is no task that could wait, so the answer comes as a
// step of the node.
type asking struct {
	conn     *Conn
	by       *nodeState
	inFlight []Envelope // requests that nothing has come back for, oldest first
	thread   int        // of what comes back
	last     [2]string  // the kind of what came back last, and how its event is called
}

// Send writes a request on a connection that the node has dialled. What comes
// back is a Step of its own: the answer or, where the connection breaks first,
// ErrBroken. Its Envelope has the request too.
//
// Once all that was in flight on a broken connection has come back, the next
// request goes out on a new one. To a node that is down there is none: what is
// sent to it comes back as ErrBroken.
//
// Source: NetworkClient.inFlightRequests, ClientResponse.wasDisconnected.
func (o *Outbox) Send(c *Conn, request Message) {
	if !o.world.started {
		panic(fmt.Sprintf("sim: %s sends %s in Start: there a node arms timers, and one that fires may send", o.node.name, NameOf(request)))
	}
	c = c.current()
	a := c.asks
	if a == nil || a.by != o.node {
		panic(fmt.Sprintf("sim: %s sends on the connection of %s: a node sends on those that were dialled in its name", o.node.name, c.name))
	}
	o.world.looksAt(&c.dialPoint.object)
	if c.broken {
		o.world.touched(&c.dialPoint.object, false)
		o.world.looksAt(&c.node.object)
		if len(a.inFlight) == 0 && !c.node.down {
			c.redial(o.world)
			c = c.current()
			a = c.asks
		}
	}
	o.world.touched(&c.out.tail, true)
	e := Envelope{Message: request, conn: c, from: a.by, hash: o.world.hashSent(request), sendClock: o.world.release(a.by.clockIndex())}
	a.inFlight = append(a.inFlight, e)
	if !c.broken {
		c.requests = append(c.requests, e)
		o.world.pace.sent(c)
	}
	o.world.observe(Act{Action: Sent, Actor: a.by.name, Peer: c.node.name, Conn: c.name, Message: request})
}

// comes says whether something comes back now: what has been answered first,
// and then, if the connection is broken, ErrBroken.
func (a *asking) comes() bool {
	return len(a.conn.responses) > 0 || a.conn.broken && len(a.inFlight) > 0
}

// brings is what comes back next.
func (a *asking) brings() Message {
	if len(a.conn.responses) > 0 {
		return a.conn.responses[0].Message
	}
	return ErrBroken
}

// event is that something comes back.
func (a *asking) event() Event {
	label := string(ErrBroken)
	if m := a.brings(); m != ErrBroken {
		if name := a.by.world.nameOf(m); a.last[0] != name {
			a.last = [2]string{name, name + " response"} // A name is not put together at each step.
		}
		label = a.last[1]
	}
	return Event{Actor: a.conn.in.tail.label, Label: label, Place: a.by.place(), Thread: a.thread, source: a}
}

// happen hands what comes back to the node, as one step.
func (a *asking) happen(w *World) {
	c := a.conn
	e := Envelope{Message: a.brings(), Request: a.inFlight[0].Message, conn: c, from: c.node}
	a.inFlight = append(a.inFlight[:0], a.inFlight[1:]...)
	if len(c.responses) > 0 {
		w.acquire(a.by.clockIndex(), c.responses[0].sendClock)
		c.responses = append(c.responses[:0], c.responses[1:]...)
	}
	w.touched(&c.in.head.object, true)
	w.looksAt(&c.dialPoint.object)
	w.observe(Act{Action: Received, Actor: a.by.name, Peer: c.node.name, Conn: c.name, Request: e.Request, Message: e.Message})
	w.pace.served(a.by)
	a.by.reacts(func(out *Outbox) { a.by.node.Handle(e, out) })
}

func (a *asking) lane() string { return a.by.name }

// crash forgets what was asked: nobody is left to tell.
func (a *asking) crash() {
	a.inFlight, a.conn.responses = a.inFlight[:0], a.conn.responses[:0]
	a.conn.breaks()
}

// findAnswers lists the answers that may come back to nodes.
func (w *World) findAnswers() {
	for _, c := range w.conns {
		if c.asks != nil && c.asks.comes() {
			w.enabled = append(w.enabled, c.asks.event())
		}
	}
}

// prepareAsking numbers what comes back to nodes.
func (w *World) prepareAsking() {
	for _, c := range w.conns {
		if c.asks != nil {
			c.asks.thread = w.newThread()
		}
	}
}

// client is the node that dialled, if one has.
func (c *Conn) client() *nodeState {
	if c.asks == nil {
		return nil
	}
	return c.asks.by
}
