package experiment

import (
	"cmp"
	"fmt"
	"strings"
)

// Experiment is a use of a client that may break a property.
type Experiment struct {
	Name           string
	Title          string
	Partitions     int
	Commits        int // of each partition
	NotCoordinator int // each such OffsetCommit is answered NOT_COORDINATOR; 0: none
	Property       string
	Depth, Runs    int // of a PCT search that finds it, where it is
}

// All lists the experiments.
func All() []Experiment {
	return []Experiment{
		{
			Name:       "rewind",
			Title:      "one goroutine a partition marks and commits: does a committed offset go back?",
			Partitions: 2, Commits: 2,
			Property: "committed-offset-never-rewinds", Depth: 4, Runs: 2000,
		},
		{
			Name:       "deadlock",
			Title:      "the same, and the coordinator answers every second commit NOT_COORDINATOR: do all come to their end?",
			Partitions: 4, Commits: 1, NotCoordinator: 2,
			Property: "no-deadlock", Depth: 14, Runs: 5000,
		},
	}
}

// Find returns an experiment by its name.
func Find(name string) (Experiment, error) {
	var names []string
	for _, e := range All() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Experiment{}, fmt.Errorf("no experiment %.60q; there is %s", name, strings.Join(names, ", "))
}

// Strategies are the searches that there are for an experiment.
var Strategies = []string{"pct", "uniform", "walk"}

// Question is what the driver is asked: to search, or to repeat a schedule.
type Question struct {
	Experiment string
	Strategy   string
	Depth      int
	Seed       uint64
	Runs       int
	First      bool   // stop at the first run that breaks anything
	Schedule   string // not empty: repeat this
}

// Answer is what it found.
type Answer struct {
	Explored string    `json:",omitempty"` // how much of what
	Verdicts []Verdict `json:",omitempty"`
	Replay   *Replay   `json:",omitempty"`
	Fault    string    `json:",omitempty"` // why there is no answer
}

// Verdict returns the verdict on a property.
func (a *Answer) Verdict(property string) *Verdict {
	for i := range a.Verdicts {
		if a.Verdicts[i].Property == property {
			return &a.Verdicts[i]
		}
	}
	panic("experiment: no verdict for " + property)
}

// Differs is the outcome of what was found and could not be repeated: it is no
// result.
const Differs = "replay differs"

// Verdict is what a search says of a property.
type Verdict struct {
	Property string
	Outcome  string // an explore.Outcome, or Differs
	Sentence string
	Meaning  string `json:",omitempty"` // of a break, to a user
	Found    string `json:",omitempty"` // how often, where first, and how short
	Schedule string `json:",omitempty"` // that breaks it
	Again    Again
}

// Again is what became of the tries to run a schedule again.
type Again struct {
	Same   int
	Differ int
	How    string `json:",omitempty"` // the first that differed
}

// Count adds a try; how is empty if it was the same.
func (a *Again) Count(how string) {
	if how == "" {
		a.Same++
		return
	}
	a.Differ++
	a.How = cmp.Or(a.How, how)
}

func (a Again) String() string {
	text := fmt.Sprintf("run again by its schedule %d times: %d did the same", a.Same+a.Differ, a.Same)
	if a.Differ > 0 {
		text += fmt.Sprintf(", %d differed (%s)", a.Differ, a.How)
	}
	return text
}

// Replay is a run by a schedule.
type Replay struct {
	Steps   []Step
	Differs string `json:",omitempty"` // how the next step did not fit
	Again   Again
}

// Broke lists what the run broke.
func (r *Replay) Broke() (broke []Broken) {
	for _, step := range r.Steps {
		broke = append(broke, step.Broke...)
	}
	return broke
}

// Step is one step of a replay, and what it did on the network.
type Step struct {
	Event string
	Notes []string `json:",omitempty"`
	Broke []Broken `json:",omitempty"`
}

// Broken is a property that a step broke.
type Broken struct{ Property, Sentence string }
