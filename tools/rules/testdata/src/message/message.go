// Package message has what must not be done to a message that was sent.
package message

import "racelab/sim"

type request struct {
	n    int
	list []int
}

type node struct{ requests []*request }

func (x *node) Handle(e sim.Envelope, out *sim.Outbox) {
	answer := &request{n: 1}
	answer.n = 2
	out.Reply(e, answer)
	answer.n = 3 // want `answer.n is changed after it was sent on line \d+; send a copy, or make another`
	answer = &request{}
	answer.n = 4
	out.Reply(e, answer)
}

func send(t *sim.Task, c *sim.Conn) {
	r := request{list: []int{1}}
	c.Send(t, r)
	r.n = 1       // The copy that is on its way has another.
	r.list[0] = 2 // want `r.list\[0\] is changed after it was sent`
	var next request
	c.Send(t, &next)
	next.n = 1 // want `next.n is changed after it was sent`
	for range 2 {
		own := &request{}
		own.n = 1
		c.Send(t, own)
	}
}
