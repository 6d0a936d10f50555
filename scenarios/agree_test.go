package scenarios_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

var (
	agreeCases   = flag.Int("agree-cases", 15, "how many cases TestStrategiesAgree draws")
	agreeSeed    = flag.Uint64("agree-seed", 0, "the seed of TestStrategiesAgree's cases and samples")
	agreeStates  = flag.Int("agree-states", 300, "how many states TestStrategiesAgree searches of a case")
	agreeClasses = flag.Int("agree-classes", 30, "how many happens-before classes TestStrategiesAgree searches of a case")
	agreeRuns    = flag.Int("agree-runs", 6, "how many runs TestStrategiesAgree samples of a case, by each sampler")
	agreeLongest = flag.Int("agree-longest", 1_000, "how many steps a run may have in TestStrategiesAgree; 0: as many as in any search")
	agreeMost    = flag.Int("agree-most", 4, "the largest number that TestStrategiesAgree draws where a parameter's least is below: large worlds do not end")
	agreeWhole   = flag.Bool("agree-whole", false, "check each model whole in TestStrategiesAgree")
)

// Goal: at settings that nobody had in mind, all strategies say the same of a model,
// with any number of workers, with symmetry, on disk, and in parts; what they show
// breaks what they say, and nothing is shorter than what is called the shortest.
//
// Method: cases at random, of any race and variant. All states are the measure; see
// agreement for what each other search promises beside them.
func TestStrategiesAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(*agreeSeed, 0))
	for range *agreeCases {
		c := drawnCase(t, random)
		t.Run(strings.TrimPrefix(c.Command("explore"), "simrun explore "), func(t *testing.T) { agree(t, c) })
	}
}

// drawnCase draws a race, a variant and settings that are possible.
func drawnCase(t *testing.T, random *rand.Rand) *scenario.Case {
	all := scenarios.All()
	for range 1000 {
		r := all[random.IntN(len(all))]
		variant := r.Variants[random.IntN(len(r.Variants))].Name
		if c, err := r.Case(variant, "", draw(random, r.Parameters, *agreeMost)...); err == nil {
			return c
		}
	}
	t.Fatal("none of 1,000 drawn cases is possible")
	return nil
}

// agreement is what all states say of a case, which others are held against.
type agreement struct {
	*testing.T
	*scenario.Case
	sys    *explore.Worlds
	states *explore.Result
}

func agree(t *testing.T, c *scenario.Case) {
	sys, err := c.System()
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	a := &agreement{t, c, sys, nil}
	o := explore.Options{Limit: *agreeStates, Longest: *agreeLongest, Workers: 1, Again: !*agreeWhole}
	a.states = a.search("states", explore.States, o)
	a.plays(a.states)
	a.sameOnDisk(o)
	o.Symmetry = true
	if _, err := explore.States(sys, explore.Options{Limit: 1, Symmetry: true, Again: true}); err == nil || !strings.Contains(err.Error(), "no two tasks are alike") {
		a.compare(a.search("states with symmetry", explore.States, o))
	}
	o.Symmetry, o.Limit = false, *agreeClasses
	a.compare(a.search("exhaustive", explore.Exhaustive, o))
	a.samples(o)
}

// search searches with one worker and with three, which have to say the same.
func (a *agreement) search(name string, by func(explore.System, explore.Options) (*explore.Result, error), o explore.Options) *explore.Result {
	a.Helper()
	var said [2]string
	var r *explore.Result
	for i, workers := range []int{1, 3} {
		o.Workers = workers
		var err error
		if r, err = by(a.sys, o); err != nil {
			a.Fatalf("%s with %d workers: %v", name, workers, err)
		}
		said[i] = asText(r)
	}
	if said[0] != said[1] {
		a.Errorf("%s with 1 worker says\n%s\nand with 3\n%s", name, said[0], said[1])
	}
	return r
}

// asText is all that a search says.
func asText(r *explore.Result) string {
	all := *r
	all.Memory = 0 // It is the process's.
	return fmt.Sprintf("%+v", all)
}

// sameOnDisk searches all states with no memory for those that are to be expanded.
func (a *agreement) sameOnDisk(o explore.Options) {
	for i, name := range []string{"now", "next"} {
		f, err := os.Create(filepath.Join(a.TempDir(), name))
		if err != nil {
			a.Fatal(err)
		}
		defer f.Close()
		o.Spill[i] = f
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	o.Memory = int64(m.HeapAlloc)/4*5 + 1<<20
	r, err := explore.States(a.sys, o)
	if err != nil {
		a.Fatalf("states on disk: %v", err)
	}
	sampled := func(v explore.Verdict) bool { return v.Outcome == explore.Sampled }
	if strings.Contains(r.Left, "may hold") || slices.ContainsFunc(r.Verdicts, sampled) != slices.ContainsFunc(a.states.Verdicts, sampled) {
		return // What was seen is more than that, or what tells what comes before what.
	}
	if got, want := asText(r), asText(a.states); got != want {
		a.Errorf("states on disk says\n%s\nwant\n%s", got, want)
	}
}

// plays plays each schedule of a search again.
func (a *agreement) plays(r *explore.Result) {
	a.Helper()
	for i := range r.Verdicts {
		if r.Verdicts[i].Endless {
			continue
		}
		if err := simtest.PlayAgain(a.World(), &r.Verdicts[i]); err != nil {
			a.Errorf("%s: %v", r.Strategy, err)
		}
	}
}

// compare holds the verdicts of another search against those of all states.
func (a *agreement) compare(r *explore.Result) {
	a.Helper()
	a.plays(r)
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		at := slices.IndexFunc(a.states.Verdicts, func(s explore.Verdict) bool { return s.Property == v.Property })
		if at < 0 {
			if v.Bad > 0 || a.states.Complete {
				a.Errorf("%s says %s of %s, which states does not judge", r.Strategy, v.Outcome, v.Property)
			}
			continue
		}
		s := &a.states.Verdicts[at]
		if why := differ(r, v, a.states, s); why != "" {
			a.Errorf("%s says %q (%d, complete %v) of %s, and states %q (%d, complete %v): %s\n%v\n%v", r.Strategy, v.Outcome, len(v.Schedule), r.Complete, v.Property, s.Outcome, len(s.Schedule), a.states.Complete, why, v.Schedule, s.Schedule)
		}
	}
}

// differ says in what a verdict contradicts that of all states; empty: in nothing.
func differ(r *explore.Result, v *explore.Verdict, states *explore.Result, s *explore.Verdict) string {
	race := v.Property == sim.NoDataRace
	switch {
	case v.Endless && *agreeLongest > 0 && 2*states.States > *agreeLongest/5*4:
		return "" // A run that ends may be longer than that.
	case v.Bad > 0 && s.Bad == 0 && states.Complete && !(race && s.Outcome == explore.Sampled):
		return "it does not break"
	case s.Bad > 0 && v.Bad == 0 && r.Complete && s.Round == 0 && v.Outcome != explore.Sampled && v.Outcome != explore.Unfinished:
		return "it breaks"
	case r.Complete && states.Complete && (v.Outcome == explore.Vacuous) != (s.Outcome == explore.Vacuous):
		return "only one is vacuous"
	case v.Bad > 0 && s.Shortest && !race && s.Round == 0 && v.Round == 0 && !v.Endless && len(v.Schedule) < len(s.Schedule):
		return "it is shorter than the shortest"
	case v.Shortest && s.Shortest && s.Round == 0 && v.Round == 0 && len(v.Schedule) != len(s.Schedule):
		return "both are the shortest"
	}
	return ""
}

// samples samples, whole and in parts, and shrinks what breaks.
func (a *agreement) samples(o explore.Options) {
	o.Limit = *agreeRuns
	for _, strategy := range explore.Samplers() {
		by := func(sys explore.System, o explore.Options) (*explore.Result, error) {
			return explore.Search(strategy, sys, *agreeSeed, 3, o)
		}
		r := a.search(strategy, by, o)
		a.compare(r)
		if strategy != "feedback" {
			a.sameInParts(r, by, o)
		}
		for i := range r.Verdicts {
			v := &r.Verdicts[i]
			if v.Bad == 0 || v.Endless {
				continue
			}
			shrunk, short := v.Shrunk(a.sys, *agreeStates), *v
			short.Schedule, short.Err, short.Shortest = shrunk.Schedule, shrunk.Err, shrunk.Shortest
			if err := simtest.PlayAgain(a.World(), &short); err != nil {
				a.Errorf("%s, shrunk: %v", strategy, err)
			}
			r.Verdicts[i] = short
		}
		a.compare(r)
	}
}

// sameInParts puts three parts of a sample together.
func (a *agreement) sameInParts(whole *explore.Result, by func(explore.System, explore.Options) (*explore.Result, error), o explore.Options) {
	var parts []explore.Part
	for i := range 3 {
		part := o
		part.From = i * o.Limit / 3
		part.Limit = (i+1)*o.Limit/3 - part.From
		r, err := by(a.sys, part)
		if err != nil {
			a.Fatalf("%s, part %d: %v", whole.Strategy, i, err)
		}
		parts = append(parts, r.Part())
	}
	o.Parts = parts
	r, err := by(a.sys, o)
	if err != nil {
		a.Fatalf("%s, in parts: %v", whole.Strategy, err)
	}
	if got, want := asText(r), asText(whole); got != want {
		a.Errorf("%s in parts says\n%s\nwant\n%s", whole.Strategy, got, want)
	}
}
