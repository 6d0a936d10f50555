package explore

import (
	"fmt"
	"slices"
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
	States      int  // distinct; States only
	Transitions int  // steps from a distinct state; States only
	Runs        int  // from the start to an end; Exhaustive: one of each happens-before class
	Redundant   int  // Exhaustive: runs given up because other runs had done what was left
	Steps       int  // in all runs
	Complete    bool // nothing is left to explore
	// Irreducible is why a search that leaves out orders is not complete: "faults".
	Irreducible string
	Verdicts    []Verdict
	// Fault is why nothing here can be trusted: a check of the model or of the
	// record of its steps failed, and the search ended there.
	Fault error

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
	Schedule sim.Schedule // States: fewest steps, then fewest switches; else the first found; none for EndsWhenFair
	Seed     uint64       // the samplers: the run that found it

	tested bool
}

// newResult returns a result with a verdict to be found for each property.
func newResult(strategy string, sys System) *Result {
	r := &Result{Strategy: strategy}
	var probes []string
	if p, ok := sys.(Prober); ok {
		probes = p.Probes()
	}
	for _, property := range sys.Properties() {
		r.Verdicts = append(r.Verdicts, Verdict{Property: property, Probe: slices.Contains(probes, property)})
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

// anyBad says whether any property broke.
func (r *Result) anyBad() bool {
	for i := range r.Verdicts {
		if r.Verdicts[i].Bad > 0 && !r.Verdicts[i].Probe {
			return true
		}
	}
	return false
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
	switch {
	case r.Strategy == "exhaustive" && r.Complete:
		return fmt.Sprintf("%d happens-before classes and %d redundant runs, all there are", r.Runs, r.Redundant)
	case r.Irreducible != "":
		return fmt.Sprintf("%d happens-before classes and %d redundant runs, and there may be more: with %s not all are told apart, states sees them",
			r.Runs, r.Redundant, r.Irreducible)
	case r.Strategy == "exhaustive":
		return fmt.Sprintf("%d happens-before classes and %d redundant runs, and more are left", r.Runs, r.Redundant)
	case r.Strategy != "states":
		text := fmt.Sprintf("%d runs by %s, %d steps", r.Runs, r.Strategy, r.Steps)
		if r.Sampler != "" {
			text += " (" + r.Sampler + ")"
		}
		return text
	case r.Complete:
		return fmt.Sprintf("%d states and %d transitions, all there are", r.States, r.Transitions)
	default:
		return fmt.Sprintf("%d states and %d transitions, and more are left", r.States, r.Transitions)
	}
}

// Sentence puts the verdict in words, with what earned it.
func (v *Verdict) Sentence(r *Result) string {
	switch v.Outcome {
	case Broken:
		return v.Err.Error()
	case Exhausted:
		return "holds in all " + strings.TrimSuffix(r.Explored(), ", all there are")
	case Reached:
		return "yes: the state is reached"
	case Unreachable:
		return "no: unreachable in all " + strings.TrimSuffix(r.Explored(), ", all there are")
	case NotReached:
		return "not reached in " + r.Explored()
	case Sampled:
		return fmt.Sprintf("0 of %d runs broke it: under %s, and only under it, a run does with p < %.2g (95 %%)", r.Runs, r.Strategy, 3/float64(r.Runs))
	case Unfinished:
		return "not broken in " + r.Explored()
	default:
		return "no step put it to the test, so this search could not have failed"
	}
}
