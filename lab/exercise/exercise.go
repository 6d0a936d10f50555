package exercise

import (
	"fmt"
	"slices"
	"strings"

	"racelab/scenario"
	"racelab/sim"
)

// Exercise is a hole in a program, and what is to hold once it is filled.
type Exercise struct {
	ID       string // "02-offset-lock"
	Title    string
	Story    string // what a user saw, before anything is explained
	Task     string
	Minutes  int    // for a median engineer
	Hole     string // the first line of the function whose body is the text: "func commit() {"; empty: the text has several functions
	Skeleton string // what the learner begins with
	Words    []Word // what the text may call and name
	Hints    [3]string
	Stretch  string // what to try next
	Shipped  string // where a release did it
	Link     string // to that
	Released string // what the witness is to run: "sarama@v1.43.2 rewind"; empty: nothing

	holes    []*language
	grade    func(c []*code) *Verdict
	scenario func(c []*code) scenario.Any // nil: there is no run to play
}

// Word is something that the text may call or name.
type Word struct {
	Name string // "build() bool"
	Does string
}

// All lists the exercises, in their order.
func All() []*Exercise {
	all := []*Exercise{counter(), offsetLock(), secondLock(), throttle(), retry(), sayIt(), orderAfterFailure(), lateCommit(), backoff(), outbox()}
	for _, e := range all {
		if len(e.holes) == 1 {
			e.Hole = e.holes[0].hole
		}
		for _, l := range e.holes {
			for _, w := range l.describe() {
				if !slices.Contains(e.Words, w) {
					e.Words = append(e.Words, w)
				}
			}
		}
	}
	return all
}

// Find returns the exercise of an ID, or of its number. The error lists what there
// is.
func Find(id string) (*Exercise, error) {
	var ids []string
	for _, e := range All() {
		if number, _, _ := strings.Cut(e.ID, "-"); e.ID == id || number == id {
			return e, nil
		}
		ids = append(ids, e.ID)
	}
	return nil, fmt.Errorf("there is no exercise %q; there are %s", id, strings.Join(ids, ", "))
}

// Grade says what the text is worth. The text is the body of the function, or a
// whole file.
func (e *Exercise) Grade(text string) Verdict {
	c, err := compileAll(text, e.holes)
	if err != nil {
		return e.finished(text, unreadable(err))
	}
	return e.finished(text, e.safely(c))
}

// safely grades, and says so if the lab itself is at fault.
func (e *Exercise) safely(c []*code) (v *Verdict) {
	defer func() {
		if r := recover(); r != nil {
			v = &Verdict{Outcome: Fault, Says: fmt.Sprint(r)}
		}
	}()
	return e.grade(c)
}

// Case is the world of a verdict with the text in it, to be played. The error says
// what cannot be read, or which worlds there are.
func (e *Exercise) Case(text, world string) (*scenario.Case, error) {
	c, err := compileAll(text, e.holes)
	if err != nil {
		return nil, err
	}
	if e.scenario == nil {
		return nil, fmt.Errorf("exercise %s has nothing to play: it is about numbers", e.ID)
	}
	return e.scenario(c).Race().Case("", world)
}

func (l *language) describe() []Word {
	var words []Word
	for _, w := range l.words {
		words = append(words, Word{w.signature(), w.does})
	}
	for _, a := range l.args {
		words = append(words, Word{a.name + " " + string(a.kind), a.does})
	}
	for name, v := range l.values {
		words = append(words, Word{name, v.does})
	}
	slices.SortStableFunc(words[len(l.words)+len(l.args):], func(a, b Word) int { return strings.Compare(a.Name, b.Name) })
	return words
}

// world is a setting in which a text has to hold.
type world struct {
	name string
	when string // completes "holds until": "the coordinator moves"
}

// goal is a claim, and what breaking it says of the text.
type goal struct {
	name, says string
	property   func() *sim.Property // nil: build adds it
	cheat      string               // breaking it is a cheat: "commits nothing"
	in         []string             // the worlds in which it makes sense; nil: all
}

// probe is a question whose answer must be yes, in the calm world: it may be no only of
// a text that does not do the work.
type probe struct {
	name  string // build adds it
	never string // what the text does if the answer is no: "commits nothing"
}

// place is the parameter of an exercise's scenario: the world, by its place.
type place struct{ World int }

// program is an exercise whose text runs in worlds.
type program struct {
	name   string
	title  string
	worlds []world
	goals  []goal
	probes []probe
	build  func(w *sim.World, c []*code, world string)
	price  func(c []*code) *Price // nil: every right text costs the same
}

// race is the text in its worlds, as a scenario.
func (p *program) race(c []*code) scenario.Any {
	s := &scenario.Scenario[place, struct{}]{
		Name: p.name, Title: p.title,
		Flags: func(at *place, f *scenario.Flags) {
			f.Int(&at.World, "world", 0, 0, len(p.worlds)-1, "the world")
		},
		Variants: []scenario.Variant[place, struct{}]{{Name: "yours"}},
		Build:    func(w *sim.World, _ struct{}, at place) { p.build(w, c, p.worlds[at.World].name) },
	}
	for i, w := range p.worlds {
		s.Settings = append(s.Settings, &scenario.Setting[place]{Name: w.name, Set: func(at *place) { at.World = i }})
	}
	for _, g := range p.goals {
		claim := &scenario.Claim[place]{
			Name: g.name, Says: g.says,
			If: func(at place) bool { return g.in == nil || slices.Contains(g.in, p.worlds[at.World].name) },
		}
		if g.property != nil {
			claim.Property = func(place) *sim.Property { return g.property() }
		}
		s.Claims = append(s.Claims, claim)
	}
	return s
}
