// Package outbox is the model of lesson 6: a table of orders, and relays that
// publish them.
package outbox

import "racelab/sim"

// Relay publishes orders. OneAtATime holds a lock over an order's three steps.
type Relay struct {
	OneAtATime bool `sim:"config"`

	mu        sim.Mutex
	marked    [2]sim.Atomic[bool] // the table
	published [2]sim.Atomic[int]  // how often
}

// Work is what one relay does.
func (r *Relay) Work(t *sim.Task) {
	for order := range r.marked {
		r.publish(t, order)
	}
}

func (r *Relay) publish(t *sim.Task, order int) {
	if r.OneAtATime {
		r.mu.Lock(t)
		defer r.mu.Unlock(t)
	}
	if r.marked[order].Load(t) {
		return
	}
	r.published[order].Add(t, 1)
	r.marked[order].Store(t, true)
}

// Build makes a world with two relays.
func Build(oneAtATime bool) func(*sim.World) {
	return func(w *sim.World) {
		r := &Relay{OneAtATime: oneAtATime}
		w.Share("outbox", r)
		w.Go("relay1", r.Work)
		w.Go("relay2", r.Work)
		w.Always("published once", func(c *sim.Claim) {
			for order := range r.published {
				c.Assert(r.published[order].Peek() <= 1, "order %d is published %d times", order, r.published[order].Peek())
			}
		})
		w.Finally("none is forgotten", func(c *sim.Claim) {
			for order := range r.published {
				c.Assert(r.published[order].Peek() > 0, "order %d is never published", order)
			}
		})
		w.Probe("both are done", func() bool { return r.marked[0].Peek() && r.marked[1].Peek() })
	}
}
