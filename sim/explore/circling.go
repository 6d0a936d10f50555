package explore

import (
	"slices"

	"racelab/sim"
)

// Circling is a Chooser that remembers where a run has been. Of one that is cut off
// where it was before it says whether it can go round like that for ever.
type Circling struct {
	chooser sim.Chooser
	world   Engine
	been    []place
}

// place is a state of the run, and the step out of it.
type place struct {
	fingerprint uint64
	enabled     []sim.Event
	wants       []sim.Violation
	chosen      int
	putOff      []int // by the step out of it
}

// NewCircling returns a Chooser for one run of a new world that does what another does.
func NewCircling(w *sim.World, c sim.Chooser) *Circling { return &Circling{chooser: c, world: Of(w)} }

// Choose implements sim.Chooser.
func (c *Circling) Choose(enabled []sim.Event) (int, error) {
	here := c.here()
	var err error
	if here.chosen, err = c.chooser.Choose(enabled); err == nil {
		c.been = append(c.been, here)
	}
	return here.chosen, err
}

// here is the state where the run is.
func (c *Circling) here() place {
	if last := len(c.been) - 1; last >= 0 {
		c.been[last].putOff = slices.Clone(c.world.PutOff())
	}
	return place{c.world.Fingerprint(), slices.Clone(c.world.Enabled()), c.world.Discontent(), 0, nil}
}

// Violations lists what the run breaks if it goes round for ever by its last steps:
// nothing, if it is not where it was before, or if somebody is left out who could go on.
func (c *Circling) Violations() []sim.Violation {
	end := c.here()
	for from := len(c.been) - 1; from >= 0; from-- {
		round := c.been[from:]
		if round[0].fingerprint != end.fingerprint || !isFair(round) {
			continue
		}
		var who []string
		for i := range round {
			if actor := round[i].enabled[round[i].chosen].Actor; !slices.Contains(who, actor) {
				who = append(who, actor)
			}
		}
		broke := []sim.Violation{{Property: EndsWhenFair, Err: &ForeverError{from + 1, len(c.been), who, nil}}}
		for _, wanted := range end.wants {
			never := func(p place) bool {
				return !slices.ContainsFunc(p.wants, func(v sim.Violation) bool { return v.Property == wanted.Property })
			}
			if !slices.ContainsFunc(round, never) {
				broke = append(broke, sim.Violation{Property: wanted.Property, Err: &ForeverError{from + 1, len(c.been), who, wanted.Err}})
			}
		}
		return broke
	}
	return nil
}

// isFair says whether steps that lead back to where they began leave nobody out.
func isFair(round []place) bool {
	taken := func(which func(p *place, e sim.Event) bool) bool {
		for i := range round {
			if which(&round[i], round[i].enabled[round[i].chosen]) {
				return true
			}
		}
		return false
	}
	owed := func(at *place, e sim.Event) bool {
		if e.Fault {
			return true
		}
		if e.Timer {
			absent := func(p place) bool {
				return slices.Contains(p.putOff, e.Thread) ||
					!slices.ContainsFunc(p.enabled, func(other sim.Event) bool { return other.Thread == e.Thread })
			}
			return slices.ContainsFunc(round, absent) || taken(func(_ *place, t sim.Event) bool { return t.Thread == e.Thread })
		}
		if !taken(func(_ *place, t sim.Event) bool { return t.Thread == e.Thread }) {
			return false
		}
		// Of its ways here it takes all, or none.
		here := func(p *place, t sim.Event) bool { return p.fingerprint == at.fingerprint && t.Thread == e.Thread }
		return !taken(here) || taken(func(p *place, t sim.Event) bool { return here(p, t) && t.Label == e.Label })
	}
	for i := range round {
		p := &round[i]
		if p.enabled[p.chosen].Fault {
			return false
		}
		for _, e := range p.enabled {
			if !owed(p, e) {
				return false
			}
		}
	}
	return true
}
