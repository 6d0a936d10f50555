package explore

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"racelab/sim"
)

// defence holds a proof against walks of new worlds, in which nothing is saved,
// loaded or left out. Each must stay among the states that the search knows and
// break nothing that the search says holds; and at its end no saved state forgets
// a field, and nothing has changed that is said to be fixed.
//
// Data races are judged by the clocks of each walk, and what breaks there is
// broken. Where something keeps accesses apart without ordering them (see
// Engine.Unordered) nothing else can say that there is none.
type defence struct {
	result  *Result
	pool    *workerPool
	known   *seen // fingerprints
	alike   bool  // known are those without names of alike tasks
	ends    bool  // known are the final states alone
	longest int   // where a walk is cut off, in steps
	walks   int
	began   []sim.Violation // at the start
}

// leastWalks is how many walks a proof stands against; one in statesAWalk of the
// states that it is about, if those are more.
const (
	leastWalks  = 100
	statesAWalk = 10_000
)

// walks is how many a proof of n states stands against.
func (o *Options) walks(n int) int {
	if o.trusting {
		return 0
	}
	return max(leastWalks, n/statesAWalk) / o.fewer()
}

// walked is what one walk came to.
type walked struct {
	steps []sim.Event
	broke []brokenAt // what broke first, of each property
	err   error
}

type brokenAt struct {
	sim.Violation
	step int // from 1; 0: before the first
}

// stand takes the walks. A proof that is contradicted is a ModelError.
func (d *defence) stand() {
	worlds := d.pool.cursors[0].world
	if worlds == nil {
		return
	}
	d.pool.cursors[0].Reset()
	d.began = slices.Clone(d.pool.cursors[0].Violations())
	walks := make([]walked, d.walks)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range d.pool.cursors {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(walks); i = int(next.Add(1)) - 1 {
				walks[i].err = d.walk(worlds, uint64(i), &walks[i])
			}
		})
	}
	wait.Wait()
	d.result.Walks = len(walks)
	for i := range walks {
		w := &walks[i]
		if w.err != nil {
			panic(w.err)
		}
		for _, b := range w.broke {
			v := d.result.Verdict(b.Property)
			switch {
			case b.Property == sim.NoDataRace && (v.Bad == 0 || v.Walked):
				if v.Bad == 0 {
					v.Err, v.Schedule, v.Walked = b.Err, asSchedule(w.steps[:b.step]), true
				}
				v.Bad++
			case v.Bad == 0:
				panic(d.contradiction(uint64(i), w.steps[:b.step], fmt.Sprintf("breaks %s (%v)", b.Property, b.Err)))
			}
		}
	}
}

func (d *defence) walk(from model, seed uint64, out *walked) (err error) {
	defer sim.RecoverModelError(&err)
	w := from.Rebuild()
	defer w.Close()
	wiring := w.WiringHash()
	world := &Worlds{Engine: w}
	at := cursor{System: world, world: world, wide: d.known.wide, alike: d.alike}
	if d.alike {
		w.Alike()
	}
	chooser := sim.NewWalk(seed)
	w.Enabled()
	out.note(d.began)
	for len(out.steps) < d.longest {
		enabled := w.Enabled()
		if (!d.ends || len(enabled) == 0) && !d.known.has(at.state()) {
			return d.contradiction(seed, out.steps, "comes to a state that the search never saw")
		}
		if len(enabled) == 0 {
			break
		}
		i, _ := chooser.Choose(enabled)
		out.steps = append(out.steps, enabled[i])
		w.Take(i)
		out.note(w.Violations())
		if err := w.CheckMessages(); err != nil {
			return err
		}
	}
	if w.WiringHash() != wiring {
		return rewired(from, asSchedule(out.steps))
	}
	return nil
}

// rewired names what is said to be fixed and changes in a run.
func rewired(from model, schedule sim.Schedule) error {
	w := from.Rebuild()
	defer w.Close()
	wiring := w.Wiring()
	if err := follow(w, schedule); err != nil {
		return err
	}
	return &sim.ModelError{Reason: fmt.Sprintf("explore: after %s: %s, and is said to be fixed: it is a pointer or tagged `sim:\"config\"`; what a run changes is a field without that tag, or a sim.Ref",
		schedule, FirstDifference(wiring, w.Wiring()))}
}

// note keeps the first break of each property.
func (w *walked) note(violations []sim.Violation) {
	for _, v := range violations {
		if !slices.ContainsFunc(w.broke, func(b brokenAt) bool { return b.Property == v.Property }) {
			w.broke = append(w.broke, brokenAt{v, len(w.steps)})
		}
	}
}

// contradiction is that a walk did what the search says cannot be.
func (d *defence) contradiction(seed uint64, steps []sim.Event, how string) error {
	at := ""
	if len(steps) > 0 {
		last := steps[len(steps)-1]
		at = fmt.Sprintf(" across %q of %s", last.Label, last.Actor)
	}
	return &sim.ModelError{Reason: fmt.Sprintf("explore: %s, and yet walk %d of a new world %s (schedule: %s): something decides what happens that is in no field. Is a local variable kept%s? "+
		"Does the model use a plain variable that tasks or properties share, what a pointer in a channel leads to, a package variable, or the time of day?",
		d.result.Explored(), seed, how, asSchedule(steps), at)}
}
