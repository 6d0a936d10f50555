package sim

import "racelab/sim/internal/hook"

// untimed lets everything happen that is possible: nothing takes any time.
type untimed struct{ world *World }

func (*untimed) prepare()                   {}
func (*untimed) layout()                    {}
func (*untimed) begin(*Event)               {}
func (*untimed) end(*Event)                 {}
func (*untimed) sent(*Conn)                 {}
func (*untimed) answered(*Conn)             {}
func (*untimed) changed(int)                {}
func (*untimed) served(*nodeState)          {}
func (*untimed) idle([]*Task)               {}
func (*untimed) loaded()                    {}
func (*untimed) timed() bool                { return false }
func (*untimed) checks() bool               { return true }
func (*untimed) now() Time                  { return Never }
func (*untimed) later(*Delay, *Random) Time { return Never }
func (*untimed) draws(string) Random        { return Random{} }

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
			w.enabled = append(w.enabled, c.arrival())
		}
	}
	w.findAnswers()
	w.findFiring()
	w.findRestarts()
}
