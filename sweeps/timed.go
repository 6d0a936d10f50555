package sweeps

import (
	"fmt"
	"strings"

	"racelab/scenarios"
	"racelab/sim"
)

// maxSteps is the length at which a run is cut off. The longest point of the
// sweeps has about 50,000 steps.
const maxSteps = 10_000_000

// build makes the world of a scenario's variant with some parameters set. What
// it is given is fixed in this package, so that it is possible is tested once.
func build(scenario, variant string, settings ...string) *sim.World {
	s, err := scenarios.Find(scenario)
	if err != nil {
		panic("sweeps: " + err.Error())
	}
	if _, err := s.FindVariant(variant); err != nil {
		panic("sweeps: " + err.Error())
	}
	values, err := s.Set(settings)
	if err != nil {
		panic("sweeps: " + err.Error())
	}
	return s.Build(variant, values)
}

// variants are those of a scenario, as series.
func variants(scenario string, names ...string) []Series {
	s, err := scenarios.Find(scenario)
	if err != nil {
		panic("sweeps: " + err.Error())
	}
	var series []Series
	for _, name := range names {
		v, err := s.FindVariant(name)
		if err != nil {
			panic("sweeps: " + err.Error())
		}
		series = append(series, Series{v.Name, v.Release})
	}
	return series
}

// finish takes a world to its end, at which every task has ended. After each
// step it calls each, and at the end it closes the world.
func finish(w *sim.World, seed uint64, each func()) error {
	defer w.Close()
	err := walk(w, seed, func() (on bool) {
		each()
		return true
	})
	if left := w.Unfinished(); err == nil && len(left) > 0 {
		return fmt.Errorf("nothing can happen any more, and %s has not ended", strings.Join(left, ", "))
	}
	return err
}

// finishCounting is finish, and counts the steps that break a property.
func finishCounting(w *sim.World, seed uint64, property string) (broken int, err error) {
	err = finish(w, seed, func() {
		for _, v := range w.Violations() {
			if v.Property == property {
				broken++
			}
		}
	})
	return broken, err
}

// walk takes a world on until nothing can happen any more, or each says so
// after a step. What is due at the same instant happens in a random
// order.
func walk(w *sim.World, seed uint64, each func() (on bool)) error {
	c := sim.NewWalk(seed)
	for range maxSteps {
		enabled := w.Enabled()
		if len(enabled) == 0 {
			return nil
		}
		i, err := c.Choose(enabled)
		if err != nil {
			return err
		}
		w.Take(i)
		if !each() {
			return nil
		}
	}
	return fmt.Errorf("%d steps, and it still goes on", maxSteps)
}

// answered counts the requests of a name that nodes have answered. It is a
// property that always holds.
type answered struct {
	request string
	n       int
}

func (a *answered) Name() string { return "answered " + a.request }

func (a *answered) Watches(o sim.Observation) bool {
	return o.Action == sim.Answered && sim.NameOf(o.Request) == a.request
}

func (a *answered) Observe(sim.Observation) (tested bool, err error) {
	a.n++
	return true, nil
}

// milliseconds is how long a run took.
func milliseconds(w *sim.World) float64 { return float64(w.Now().Nanoseconds()) / 1e6 }
