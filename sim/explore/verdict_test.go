package explore_test

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// Goal: the bound that PCT prints holds where a bug needs its task to take certain
// ways. Method: two selects of two ways each; one of four runs goes both.
func TestPCTCountsWays(t *testing.T) {
	build := tasks(nil, func(b *table, t *sim.Task, c *coded) {
		for ; c.a < 2; c.a++ {
			t.Step("fill")
			b.chans[0].Make(t, 1)
			b.chans[1].Make(t, 1)
			b.chans[0].Send(t.At("send"), 1)
			b.chans[1].Send(t.At("send too"), 1)
			if t.At("choose").Select(b.chans[0].Receiving(), b.chans[1].Receiving()) == &b.chans[0] {
				c.b++
			}
		}
		if c.b == 2 {
			panic("both by the first")
		}
	})
	r := must(explore.PCT(system(t, build), 1, 1, explore.Options{Limit: 1000}))
	share := float64(r.Verdict(sim.NoPanic).Bad) / float64(r.Runs)
	if r.Guarantee > 0.25 || math.Abs(share-0.25) > 0.05 {
		t.Errorf("PCT promises %.2g of the runs, and %.2g break", r.Guarantee, share)
	}
	if !strings.Contains(r.Explored(), "4 ways through selects, as far as 20 walks saw") {
		t.Errorf("PCT: %s", r.Explored())
	}
}

// Goal: none of n bad says p < 1 - 0.05^(1/n).
func TestTheBoundOfASample(t *testing.T) {
	for runs, want := range map[int]string{1: "p < 0.95 ", 10: "p < 0.26 ", 1000: "p < 0.003 "} {
		r := must(explore.Walks(system(t, embrace(false)), 1, explore.Options{Limit: runs}))
		if got := r.Verdict(sim.NoPanic).Sentence(r); !strings.Contains(got, want) {
			t.Errorf("%d runs: %s, want %s", runs, got, want)
		}
	}
}

// Goal: a budget that is just enough is enough.
func TestABudgetOfAllClasses(t *testing.T) {
	for limit, complete := range map[int]bool{35: false, 36: true} {
		r := must(explore.Exhaustive(system(t, lostUpdate(3, false)), explore.Options{Limit: limit}))
		if r.Complete != complete || r.Runs != limit {
			t.Errorf("with a budget of %d: %s", limit, r.Explored())
		}
	}
	r := must(explore.Exhaustive(system(t, lostUpdate(4, false)), explore.Options{Limit: 100}))
	if r.Estimate < 50 || r.Estimate > 5000 {
		t.Errorf("after 100 of 576 classes: about %v in all", r.Estimate)
	}
}

// Goal: no two things that a schedule could not tell apart, and no name that it
// could not be read back with.
func TestNamesAreToldApart(t *testing.T) {
	program := func() *coded { return &coded{run: func(t *sim.Task, _ *coded) { t.Step("go") }} }
	for want, wire := range map[string]func(w *sim.World){
		"a task or a node A already": func(w *sim.World) { w.GoProgram("A", program()); w.GoProgram("A", program()) },
		"a task or a node n already": func(w *sim.World) { w.AddNode("n", &muter{}); w.AddNode("n", &muter{}) },
		"a task or a node B already": func(w *sim.World) { w.AddNode("B", &muter{}); w.GoProgram("B", program()) },
		"two properties once":        func(w *sim.World) { w.Watch(sim.NewProperty("once", nil)); w.Watch(sim.NewProperty("once", nil)) },
		"two properties no-panic":    func(w *sim.World) { w.Watch(sim.NewProperty(sim.NoPanic, nil)) },
		`task is named "A; B"`:       func(w *sim.World) { w.GoProgram("A; B", program()) },
		`point is named ""`: func(w *sim.World) {
			w.GoProgram("A", &coded{run: func(t *sim.Task, _ *coded) { t.Step("") }})
		},
		`point is named "a#2"`: func(w *sim.World) {
			w.GoProgram("A", &coded{run: func(t *sim.Task, _ *coded) { t.Step("a#2") }})
		},
		`message is named ""`: func(w *sim.World) {
			w.AddNode("n", &muter{})
			c := w.Dial("A", "n")
			w.GoProgram("A", &coded{run: func(t *sim.Task, _ *coded) { t.Step("go"); c.Send(t, nameless{}) }})
		},
	} {
		build := func() *sim.World {
			w := sim.NewWorld()
			wire(w)
			return w
		}
		if err := refusals(build)["states"]; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a refusal with %q", err, want)
		}
	}
}

type nameless struct{}

func (nameless) Name() string   { return "" }
func (nameless) String() string { return "" }

// Goal: a search keeps to its memory and says what it reached, and how it went on.
func TestMemoryIsBounded(t *testing.T) {
	sys := system(t, lostUpdate(4, false))
	runtime.GC()
	var used runtime.MemStats
	runtime.ReadMemStats(&used)
	room := int64(used.HeapAlloc) + 100<<10
	r := must(explore.States(sys, explore.Options{Limit: 10_000, Memory: room / 4 * 5}))
	if r.Complete || r.Verdict(sim.NoPanic).Outcome != explore.Unfinished || !strings.Contains(r.Explored(), "it holds ") {
		t.Errorf("within 100 KB: %s (%s)", r.Explored(), r.Verdict(sim.NoPanic).Outcome)
	}
	r = must(explore.States(system(t, lostUpdate(4, false)), explore.Options{Limit: 600}))
	if r.Complete || !strings.Contains(r.Explored(), "times as many") {
		t.Errorf("with a budget of 600 states: %s", r.Explored())
	}
}
