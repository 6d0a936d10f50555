package explore

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"racelab/sim"
)

// Outcome is what a search can say of a property.
type Outcome string

const (
	Broken      Outcome = "broken"
	Exhausted   Outcome = "holds, exhausted"
	Sampled     Outcome = "holds, sampled"
	Unfinished  Outcome = "unfinished"
	Vacuous     Outcome = "vacuous"
	Reached     Outcome = "reached"     // a probe: yes
	Unreachable Outcome = "unreachable" // a probe: no, in all states or classes
	NotReached  Outcome = "not reached" // a probe: not in what was explored
)

// Result is what a search did, and its verdict for each property.
type Result struct {
	Strategy    string
	States      int    // distinct; States only
	Transitions int    // steps from a distinct state; States only
	Runs        int    // from the start to an end; Exhaustive: one of each happens-before class
	Redundant   int    // Exhaustive: runs given up because other runs had done what was left
	Steps       int    // in all runs
	Complete    bool   // nothing is left to explore
	Left        string // why it is not complete, where that is not the budget
	Verdicts    []Verdict
	Walks       int // of new worlds, which a proof has stood against

	Alike    [][]string // States with symmetry: the tasks of which any is taken for any, by class
	Wide     bool       // States: they are told apart by 128 bits, not 64
	Levels   []int      // States: by steps from the start, how many states were first reached there
	Memory   int64      // States: bytes that are in use
	Estimate float64    // Exhaustive, not complete: how many runs there may be in all, by Knuth's estimate; 0: none

	Guarantee float64 // PCT: the least probability with which a run finds a bug of the depth
	Sampler   string  // what the sampler was set to
}

// Verdict is what a search says of one property.
type Verdict struct {
	Property string
	Probe    bool // a question: Reached is no break
	Outcome  Outcome
	// Bad counts what broke it: transitions under States, runs under Walk.
	Bad      int
	Err      error        // how Schedule breaks it
	Schedule sim.Schedule // the first found, or the shortest; none where it is Endless
	Round    int          // so many of its last steps can repeat for ever; 0: none
	Endless  bool         // a sampler has cut off a run that still went on: there is no schedule worth reading
	// Shortest says that no schedule breaks it in fewer steps, nor in as many with
	// fewer switches. For a data race that is said of two steps that can both be next.
	Shortest bool
	Seed     uint64 // the samplers: the run that found it
	Walked   bool   // walks of new worlds broke it, and Bad counts them

	tested    bool
	unordered string // what keeps accesses apart without ordering them, so that clocks judge; see Engine
	ordered   int    // in so many states, which tell what comes before what; 0: in walks alone
	round     bool   // whether a round breaks it is not known, for the search took tasks for alike
}

// newResult returns a result with a verdict to be found for each property.
func newResult(strategy string, sys System) *Result {
	r := &Result{Strategy: strategy}
	var probes []string
	if world, ok := sys.(model); ok {
		probes = world.Probes()
	}
	for _, property := range sys.Properties() {
		r.Verdicts = append(r.Verdicts, Verdict{Property: property, Probe: slices.Contains(probes, property)})
	}
	if strategy != "exhaustive" {
		r.Verdicts = append(r.Verdicts, Verdict{Property: EndsWhenFair, tested: true})
	}
	return r
}

// Verdict returns the verdict for a property.
func (r *Result) Verdict(property string) *Verdict { return &r.Verdicts[r.index(property)] }

// index returns the number of a property among the verdicts.
func (r *Result) index(property string) int {
	for i := range r.Verdicts {
		if r.Verdicts[i].Property == property {
			return i
		}
	}
	panic("explore: no verdict for " + property)
}

// AnyBroken says whether a property broke.
func (r *Result) AnyBroken() bool {
	for i := range r.Verdicts {
		if r.Verdicts[i].Bad > 0 && !r.Verdicts[i].Probe {
			return true
		}
	}
	return false
}

// unordered notes what the system has had that keeps accesses apart without ordering
// them.
func (r *Result) unordered(sys System) {
	if world, ok := sys.(model); ok && r.judges(sim.NoDataRace) {
		r.Verdict(sim.NoDataRace).unordered = world.Unordered()
	}
}

// conclude turns what was seen into outcomes; good is what a property gets
// that was tested and not broken.
func (r *Result) conclude(good Outcome) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		switch {
		case v.Probe && v.Bad > 0:
			v.Outcome = Reached
		case v.Probe && good == Exhausted:
			v.Outcome = Unreachable
		case v.Probe:
			v.Outcome = NotReached
		case v.Bad > 0:
			v.Outcome = Broken
		case !v.tested:
			v.Outcome = Vacuous
		case v.round:
			v.Outcome = Unfinished
		case v.unordered != "" && v.ordered == 0 && good == Exhausted:
			v.Outcome = Sampled
		default:
			v.Outcome = good
		}
	}
	r.Verdicts = slices.DeleteFunc(r.Verdicts, func(v Verdict) bool {
		return v.Property == sim.Assertions && v.Outcome == Vacuous
	})
}

// Explored says how much was explored: "782 states, all there are".
func (r *Result) Explored() string {
	var text string
	switch r.Strategy {
	case "exhaustive":
		text = fmt.Sprintf("%s happens-before classes and %s", Thousands(r.Runs), Count(r.Redundant, "redundant run"))
	case "states":
		text = Count(r.States, "state") + " and " + Count(r.Transitions, "transition")
		for _, class := range r.Alike {
			text += ", whichever of " + strings.Join(class, ", ") + " is which"
		}
	default:
		text = fmt.Sprintf("%s by %s, %s", Count(r.Runs, "run"), r.Strategy, Count(r.Steps, "step"))
		if r.Sampler != "" {
			text += " (" + r.Sampler + ")"
		}
		if r.Complete {
			text += ", all there are"
		}
		return text
	}
	if r.Complete {
		return text + ", all there are"
	}
	if r.Left != "" {
		return text + ", and there may be more: " + r.Left + r.outlook()
	}
	return text + ", and more are left" + r.outlook()
}

// Thousands writes a number as sentences have it: with a comma between thousands.
func Thousands(n int) string {
	text := strconv.Itoa(n)
	first := len(text) - len(strings.TrimPrefix(text, "-"))
	for i := len(text) - 3; i > first; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Count is a number of things as a sentence has it: "1 step", "1,200 steps".
func Count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return Thousands(n) + " " + what
}

// Collision bounds the probability that two states have one fingerprint, of which
// States took the second for the first.
func (r *Result) Collision() float64 {
	n := float64(r.States)
	if r.Wide {
		return n * n / 0x1p129
	}
	return n * n / 0x1p65
}

// Sentence puts the verdict in words, with what earned it.
func (v *Verdict) Sentence(r *Result) string {
	switch v.Outcome {
	case Broken:
		return v.Err.Error()
	case Exhausted:
		if v.ordered > 0 {
			return fmt.Sprintf("holds in all %s states that tell what comes before what, for %s keeps accesses apart without ordering them", Thousands(v.ordered), v.unordered)
		}
		return "holds in all " + strings.TrimSuffix(r.Explored(), ", all there are")
	case Reached:
		return "yes: the state is reached"
	case Unreachable:
		return "no: unreachable in all " + strings.TrimSuffix(r.Explored(), ", all there are")
	case NotReached:
		return "not reached in " + r.Explored()
	case Sampled:
		if r.Strategy == "feedback" {
			return fmt.Sprintf("0 of %s broke it; runs of feedback depend on each other, so no probability follows", Count(r.Runs, "run"))
		}
		runs, sampler, why := r.Runs, r.Strategy, ""
		if v.unordered != "" {
			runs, sampler = r.Walks, "walk"
			why = fmt.Sprintf("; only runs can judge it, for %s keeps accesses apart without ordering them", v.unordered)
		}
		return fmt.Sprintf("0 of %s broke it: under %s, and only under it, a run does with p < %.2g (95 %%)", Count(runs, "run"), sampler, bound(runs)) + why
	case Unfinished:
		if v.round {
			return "states lead back to themselves: whether for ever, a search without symmetry judges"
		}
		return "not broken in " + r.Explored()
	default:
		return "no step put it to the test, so this search could not have failed"
	}
}

// bound is the probability that a run breaks what none of n did, with a
// confidence of 95 %: with it, none of n does with a probability of 5 %.
func bound(n int) float64 { return 1 - math.Pow(0.05, 1/float64(n)) }

// Hangs says whether the property is that tasks go on: no-deadlock, no-progress.
func Hangs(property string) bool { return property == sim.NoDeadlock || property == sim.NoProgress }
