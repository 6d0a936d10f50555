package sarama

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// Callback is what an application's callback of AsyncProduce does with the connection,
// besides taking note of the answer.
type Callback uint8

const (
	OnlyTells  Callback = iota
	SendsAgain          // it sends one more message, once
	Closes              // it calls Close
)

// calls is a goroutine that runs callbacks: the response reader, or the one to which
// its callbacks hand their work.
type calls struct {
	goroutine
	does   Callback        `sim:"config"`
	next   model.Record    `sim:"config"` // that SendsAgain sends
	handed *sim.Chan[bool] // to the other goroutine; nil: the reader does it itself
	did    bool
}

// callback does what the application wants done after an answer.
func (c *calls) callback(t *sim.Task) {
	switch {
	case c.did || c.does == OnlyTells:
		return
	case c.handed != nil:
		c.handed.Send(t, true) // There is room.
	default:
		c.do(t)
	}
	c.did = true
}

// do is that, in whichever goroutine.
func (c *calls) do(t *sim.Task) {
	if c.does == Closes {
		c.closeBroker(t)
		return
	}
	c.set = setOf(c.next, 1)
	c.asyncProduce(t)
	if c.err {
		c.set.tell(t, true)
	}
	c.set = 0
}

// NewCallingReceiver returns the response reader of a connection whose callbacks use
// the connection; next is the message that they send.
func NewCallingReceiver(b *Broker, does Callback, next model.Record) *ResponseReceiver {
	r := NewResponseReceiver(b)
	r.calls = &calls{goroutine: newGoroutine(b), does: does, next: next}
	return r
}

// Handed is a goroutine of the application to which callbacks hand their work.
type Handed struct {
	calls
	work sim.Chan[bool]
}

// NewHanded returns it, and lets the callbacks of the reader hand their work over.
func NewHanded(r *ResponseReceiver) *Handed {
	h := &Handed{calls: calls{goroutine: newGoroutine(r.Broker), does: r.calls.does, next: r.calls.next}}
	h.work.Init(1)
	r.calls.handed = &h.work
	return h
}

func (h *Handed) Run(t *sim.Task) {
	if _, ok := h.work.Receive(t.At(PointHanded)); ok {
		h.do(t)
	}
}

// ReadDeadline ends the read that is under way.
//
// Source: Config.Net.ReadTimeout.
// Differs: it counts from the start.
type ReadDeadline struct {
	conn  *sim.Conn
	after time.Duration `sim:"config"`
	clock sim.Timer
}

// NewReadDeadline returns it.
func NewReadDeadline(b *Broker, after time.Duration) *ReadDeadline {
	return &ReadDeadline{conn: b.conn, after: after}
}

func (r *ReadDeadline) Run(t *sim.Task) {
	t.Step(PointPause)
	r.clock.Sleep(t.At(PointReadDeadline), r.after)
	r.conn.Close(t)
}
