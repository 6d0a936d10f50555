package explore

import (
	"math/bits"
	"slices"

	"racelab/sim"
)

// CountSchedules counts the schedules of a system from the start to an end, and
// those of them that break a property. It is not ok if there are more than
// maxStates states, or a cycle among them, or 2^64 schedules.
func CountSchedules(sys System, property string, maxStates int) (schedules, bad uint64, ok bool) {
	c := counter{at: newCursor(sys), property: property, limit: maxStates, known: map[uint64]*tally{}}
	total := c.from()
	return total.schedules, total.bad, !c.failed
}

// tally is the schedules that go on from a state.
type tally struct {
	schedules uint64
	bad       uint64 // that break the property on the way from here
	open      bool   // still being counted: whoever comes here goes in a circle
}

type counter struct {
	at       *cursor
	property string
	limit    int
	known    map[uint64]*tally
	failed   bool
}

func (c *counter) from() *tally {
	fingerprint := c.at.Fingerprint()
	if t := c.known[fingerprint]; t != nil {
		c.failed = c.failed || t.open
		return t
	}
	t := &tally{open: true}
	c.known[fingerprint] = t
	c.failed = c.failed || len(c.known) > c.limit
	n := len(c.at.Enabled())
	here := c.at.save()
	for i := range n {
		if c.failed {
			break
		}
		c.at.restore(here)
		c.at.Take(i)
		broke := slices.ContainsFunc(c.at.Violations(), func(v sim.Violation) bool { return v.Property == c.property })
		next := c.from()
		t.schedules = c.sum(t.schedules, next.schedules)
		if broke {
			t.bad = c.sum(t.bad, next.schedules)
		} else {
			t.bad = c.sum(t.bad, next.bad)
		}
	}
	if n == 0 {
		t.schedules = 1
	}
	t.open = false
	return t
}

func (c *counter) sum(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	c.failed = c.failed || carry > 0
	return sum
}
