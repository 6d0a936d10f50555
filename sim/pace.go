package sim

import "racelab/sim/internal/hook"

// pacer decides which events are enabled: all that are possible or, in a timed
// world, those that are due first. It hears of all that takes time.
type pacer interface {
	prepare() // once everything has its number
	layout()  // plans its part of the state
	find()    // lists the enabled events, but for faults
	begin(e *Event)
	end(e *Event)

	sent(c *Conn)        // a request was written
	answered(c *Conn)    // a response was written
	changed(c *Conn)     // the node reads it again, or no longer
	served(m *nodeState) // the node has taken a message
	idle(tasks []*Task)  // their process is gone
	loaded()             // the world is in another state
	timed() bool
	checks() bool                  // the nodes' own invariants are looked at
	now() Time                     // for acts and pictures; Never: a moment means nothing
	later(d *Delay, r *Draws) Time // from now by a delay; Never, where nothing takes time
	draws(what string) Draws
}

// untimed lets everything happen that is possible: nothing takes any time.
type untimed struct{ world *World }

func (*untimed) prepare()                  {}
func (*untimed) layout()                   {}
func (*untimed) begin(*Event)              {}
func (*untimed) end(*Event)                {}
func (*untimed) sent(*Conn)                {}
func (*untimed) answered(*Conn)            {}
func (*untimed) changed(*Conn)             {}
func (*untimed) served(*nodeState)         {}
func (*untimed) idle([]*Task)              {}
func (*untimed) loaded()                   {}
func (*untimed) timed() bool               { return false }
func (*untimed) checks() bool              { return true }
func (*untimed) now() Time                 { return Never }
func (*untimed) later(*Delay, *Draws) Time { return Never }
func (*untimed) draws(string) Draws        { return Draws{} }

func (u *untimed) find() {
	w := u.world
	for _, t := range w.tasks {
		switch {
		case t.choosing() && !t.gone:
			w.findWays(t)
		case t.ready():
			w.enabled = append(w.enabled, t.site.event)
		case t.waits():
			if t.awaits.bound().kind == hook.Lock {
				w.contended = true
			}
		}
	}
	for _, c := range w.conns {
		if c.deliverable() {
			w.enabled = append(w.enabled, w.arrival(c))
		}
	}
	w.findAnswers()
	w.findFiring()
	w.findRestarts()
}
