package explore

import "testing"

// Goal: an estimate has the right size, and none is made where no end is in sight.
// Method: of 20 steps that can be taken in any order, 2^20 sets may be taken.
func TestAnEstimateOfStates(t *testing.T) {
	levels, states := []int{1}, 1
	for n := range 20 {
		states = states * (20 - n) / (n + 1)
		levels = append(levels, states)
	}
	for _, known := range []int{8, 10, 14} {
		r := Result{Levels: levels[:known]}
		if got := r.Foreseen(); got < 1<<18 || got > 1<<22 {
			t.Errorf("after %d of 21 levels: about %.0f states in all, want about %d", known, got, 1<<20)
		}
	}
	r := Result{Levels: []int{1, 2, 4, 8, 16, 32, 64, 128, 256}}
	if got := r.Foreseen(); got != 0 {
		t.Errorf("where each level is twice the one before: about %.0f states in all, want no end", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", -999: "-999", 1000: "1,000", -1000: "-1,000", 2031454: "2,031,454"} {
		if got := Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 steps", 1: "1 step", 1200: "1,200 steps"} {
		if got := Count(n, "step"); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestExplored(t *testing.T) {
	for want, r := range map[string]Result{
		"1 state and 0 transitions, all there are": {States: 1, Strategy: "states", Complete: true},
		"1 run by walk, 7 steps":                   {Runs: 1, Strategy: "walk", Steps: 7},
		"2,000 runs by pct, 1,400 steps (depth 3)": {Runs: 2000, Strategy: "pct", Steps: 1400, Sampler: "depth 3"},
	} {
		if got := r.Explored(); got != want {
			t.Errorf("explored %q, want %q", got, want)
		}
	}
}
