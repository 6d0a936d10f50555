package sarama

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// Sender is an application that uses the connection by itself: it sends
// messages, each in a request of its own.
type Sender struct {
	goroutine
	messages int32         `sim:"config"`
	early    int32         `sim:"config"` // how many it sends before it pauses
	pause    time.Duration `sim:"config"`
	closes   bool          `sim:"config"`
	clock    sim.Timer
	i        int32
}

// NewSender returns a sender of some messages, which pauses after the
// first few of them, and in the end closes the connection, if it is the one who
// does.
func NewSender(b *Broker, messages, early int, pause time.Duration, closes bool) *Sender {
	s := &Sender{messages: int32(messages), early: int32(early), pause: pause, closes: closes}
	s.goroutine = newGoroutine(b)
	return s
}

// Run sends.
func (s *Sender) Run(t *sim.Task) {
	for s.i = 0; s.i < s.messages; s.i++ {
		if s.i == s.early && s.pause > 0 {
			s.clock.Sleep(t.At(PointPause), s.pause)
		}
		s.set = setOf(model.Record(s.i+1), 1)
		s.asyncProduce(t)
		if s.err {
			s.set.tell(t, true)
		}
		s.set = 0
	}
	s.i = 0
	if s.closes {
		s.closeBroker(t)
	}
}

// Closer closes the connection beside those who send.
//
// Source: brokerProducer.handleError, which closes the broker while the bridge
// goroutine may be sending.
type Closer struct {
	goroutine
	after time.Duration `sim:"config"`
	clock sim.Timer
}

// NewCloser returns a goroutine that closes the connection after a while,
// or at any moment.
func NewCloser(b *Broker, after time.Duration) *Closer {
	return &Closer{goroutine: newGoroutine(b), after: after}
}

// Run closes.
func (c *Closer) Run(t *sim.Task) {
	if c.after > 0 {
		t.Step(PointPause)
		c.clock.Sleep(t.At(PointCallClose), c.after)
	} else {
		t.Step(PointCallClose)
	}
	c.closeBroker(t)
}

// Application sends messages, each when it is due, and closes producer and
// connection.
type Application struct {
	*AsyncProducer
	goroutine goroutine
	every     time.Duration `sim:"config"`
	clock     sim.Timer
	i         int32
}

// NewApplication returns an application that sends a message as often as given,
// and waits where there is no room for it.
func (p *AsyncProducer) NewApplication(every time.Duration) *Application {
	return &Application{AsyncProducer: p, goroutine: newGoroutine(p.broker), every: every}
}

// Run sends.
//
// Source: AsyncProducer.Input, AsyncProducer.Close, Client.Close.
func (a *Application) Run(t *sim.Task) {
	for a.i = 0; a.i < int32(a.config.Messages); a.i++ {
		if a.every > 0 && a.i > 0 {
			a.clock.Sleep(t.At(PointPause), a.every)
		}
		a.input.Send(t.At(PointProduce), model.Record(a.i+1))
		t.Return(&model.Accepted{Record: model.Record(a.i + 1)})
	}
	a.i = 0
	a.input.Close(t)
	a.ended.Receive(t.At(PointShutDown))
	a.goroutine.closeBroker(t)
}
