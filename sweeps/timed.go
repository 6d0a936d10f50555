package sweeps

import (
	"fmt"
	"strings"

	"racelab/model"
	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
)

// maxSteps is the length at which a run is cut off. The longest point of the
// sweeps has about 50,000 steps.
const maxSteps = 10_000_000

// variants are those of a scenario, as series.
func variants(s scenario.Any, names ...string) []Series {
	var series []Series
	for _, name := range names {
		c, err := s.Race().Case(name, "")
		if err != nil {
			panic("sweeps: " + err.Error())
		}
		series = append(series, Series{c.Variant.Name, c.Variant.Release})
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
	if left := explore.Of(w).Unfinished(); err == nil && len(left) > 0 {
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
		enabled := explore.Of(w).Enabled()
		if len(enabled) == 0 {
			return nil
		}
		i, err := c.Choose(enabled)
		if err != nil {
			return err
		}
		explore.Of(w).Take(i)
		if !each() {
			return nil
		}
	}
	return fmt.Errorf("%d steps, and it still goes on", maxSteps)
}

// meter shows acts of a run to a measurement. It claims nothing.
func meter(actions sim.Action, see func(a sim.Act)) *sim.Property {
	p := sim.NewProperty("meter", nil)
	sim.On(p, actions, func(_ *sim.Claim, a sim.Act, _ sim.Message) { see(a) })
	return p
}

// commitCounts are the requests to commit that nodes have answered, and the partitions
// whose committed offset they took back: one may take back several.
type commitCounts struct{ requests, takenBack int }

func countCommits(w *sim.World) *commitCounts {
	n, committed := &commitCounts{}, map[model.Partition]model.Offset{}
	w.Watch(meter(sim.Answered, func(a sim.Act) {
		r, ok := a.Request.(*model.OffsetCommitRequest)
		if !ok {
			return
		}
		n.requests++
		for _, asked := range r.Partitions {
			if asked.Offset < committed[asked.Partition] {
				n.takenBack++
			}
			committed[asked.Partition] = asked.Offset
		}
	}))
	return n
}

// milliseconds is how long a run took.
func milliseconds(w *sim.World) float64 { return float64(w.Now().Nanoseconds()) / 1e6 }
