package explore

import (
	"fmt"
	"strings"

	"racelab/sim"
)

// Outcome is what a search can say of a property.
type Outcome string

const (
	Broken       Outcome = "broken"
	Exhausted    Outcome = "holds, exhausted"
	Sampled      Outcome = "holds, sampled"
	Unfinished   Outcome = "unfinished"
	NotExercised Outcome = "not exercised"
)

// Result is what a search did, and its verdict for each property.
type Result struct {
	Strategy    string
	States      int  // distinct; States only
	Transitions int  // steps from a distinct state; States only
	Runs        int  // from the start to an end; Walk only
	Steps       int  // in all runs; Walk only
	Complete    bool // nothing is left to explore
	Verdicts    []Verdict
}

// Verdict is what a search says of one property.
type Verdict struct {
	Property string
	Outcome  Outcome
	// Bad counts what broke it: transitions under States, runs under Walk.
	Bad      int
	Err      error        // how Schedule breaks it
	Schedule sim.Schedule // States: fewest steps, then fewest switches; Walk: the first found
	Seed     uint64       // Walk: the run that found it

	tested bool
}

// newResult returns a result with a verdict to be found for each property.
func newResult(strategy string, sys System) *Result {
	r := &Result{Strategy: strategy}
	for _, property := range sys.Properties() {
		r.Verdicts = append(r.Verdicts, Verdict{Property: property})
	}
	return r
}

// Verdict returns the verdict for a property.
func (r *Result) Verdict(property string) *Verdict {
	for i := range r.Verdicts {
		if r.Verdicts[i].Property == property {
			return &r.Verdicts[i]
		}
	}
	panic("explore: no verdict for " + property)
}

// watch notes what the last step of sys put to the test.
func (r *Result) watch(sys System) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		v.tested = v.tested || sys.Tested(v.Property)
	}
}

// conclude turns what was seen into outcomes; good is what a property gets
// that was tested and not broken.
func (r *Result) conclude(good Outcome) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		switch {
		case v.Bad > 0:
			v.Outcome = Broken
		case !v.tested:
			v.Outcome = NotExercised
		default:
			v.Outcome = good
		}
	}
}

// Explored says how much was explored: "782 states, all there are".
func (r *Result) Explored() string {
	switch {
	case r.Strategy == "walk":
		return fmt.Sprintf("%d random walks, %d steps", r.Runs, r.Steps)
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
	case Sampled:
		return fmt.Sprintf("0 of %d walks broke it: under random walks, a run does with p < %.2g (95 %%)", r.Runs, 3/float64(r.Runs))
	case Unfinished:
		return "not broken in " + r.Explored()
	default:
		return "no step put it to the test, so this search could not have failed"
	}
}
