// Package stranger is a model with mistakes. Lines that are wrong say so.
package stranger

import (
	"time" // A duration is no clock.

	"racelab/sim"
)

type member struct {
	lock sim.Mutex
	full sim.Cond
	conn *sim.Conn
	ints sim.Chan[int]
	n, i int
}

// Each of the ways to park in package sim is a point.
func (m *member) Run(t *sim.Task) {
	a := m.n // wrong
	t.Step("a")
	b := m.n // wrong
	m.lock.Lock(t.At("b"))
	c := m.n // wrong
	m.conn.Receive(t.At("c"))
	d := m.n // wrong
	m.conn.ReceiveAny(t.At("d"))
	e := m.n // wrong
	m.ints.Receive(t.At("e"))
	f := m.n // wrong
	t.At("f").Select(m.ints.Receiving())
	g := m.n // wrong
	m.full.Wait(t.At("g"))
	m.n = a + b + c + d + e + f + g
	h := m.n
	m.conn.Send(t, nil)
	m.lock.Unlock(t)
	m.n = h
}

func build(w *sim.World) {
	began := time.Now() // wrong
	_ = began
	go w.Close() // wrong
}

type node struct{ seen map[string]int }

func (n *node) Handle(e sim.Envelope, out *sim.Outbox) {
	for range n.seen { // wrong
	}
}
