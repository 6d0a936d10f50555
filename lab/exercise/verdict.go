package exercise

import (
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"hash/fnv"
	"slices"
	"strings"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
)

// Outcome is what a grade comes to.
type Outcome string

const (
	Holds      Outcome = "holds"
	Broken     Outcome = "broken"
	Deadlock   Outcome = "deadlock" // or no progress
	Cheat      Outcome = "cheat"    // it holds because it does not do the work
	Vacuous    Outcome = "vacuous"  // nothing put a goal to the test
	Unreadable Outcome = "unreadable"
	Unfinished Outcome = "unfinished" // there are too many states
	Fault      Outcome = "fault"      // of the lab
)

// Verdict is a grade.
type Verdict struct {
	ID       string   `json:"id"`
	Hash     string   `json:"hash"` // of the text, spaces and comments aside
	Outcome  Outcome  `json:"outcome"`
	Line     int      `json:"line,omitempty"`     // of the text, where it cannot be read
	World    string   `json:"world,omitempty"`    // in which it breaks
	Property string   `json:"property,omitempty"` // that breaks
	Says     string   `json:"says,omitempty"`     // what happens, in one line
	Means    string   `json:"means,omitempty"`    // to a user
	Schedule string   `json:"schedule,omitempty"` // no shorter one breaks it
	Steps    int      `json:"steps,omitempty"`    // of the schedule
	Culprit  []string `json:"culprit,omitempty"`  // the orders that force it
	Held     string   `json:"held,omitempty"`     // where it holds: "holds until the coordinator moves"
	States   int      `json:"states"`             // of all worlds that were searched
	Worlds   int      `json:"worlds"`             // that were searched
	Price    *Price   `json:"price,omitempty"`
	Next     string   `json:"next,omitempty"`     // what to do now
	Released string   `json:"released,omitempty"` // holds: the command that plays the released client
}

// Price is what a right text costs.
type Price struct {
	InFlight     int     `json:"inFlight,omitempty"`   // requests on their way at once
	RoundTrips   int     `json:"roundTrips,omitempty"` // requests in all
	Milliseconds float64 `json:"ms,omitempty"`         // of the workload, in the timed world
	Says         string  `json:"says"`
}

// unreadable is the verdict on what is no text of the language.
func unreadable(err error) *Verdict {
	v := &Verdict{Outcome: Unreadable, Says: err.Error()}
	var at *SyntaxError
	if errors.As(err, &at) {
		v.Line, v.Says = at.Line, at.Says
	}
	return v
}

// finished fills in what all verdicts have.
func (e *Exercise) finished(text string, v *Verdict) Verdict {
	v.ID, v.Hash = e.ID, e.Hash(text)
	switch v.Outcome {
	case Holds:
		v.Next, v.Released = "Stretch: "+e.Stretch, e.witness()
	case Unreadable:
		v.Next = "You may write " + allowed + "."
	case Cheat:
		v.Next = "The race is gone because the work is. Do the work."
	case Deadlock:
		v.Next = "Play the schedule. Who waits at its end, and for whom?"
	default:
		v.Next = "Hint 1: " + e.Hints[0]
		if v.Property == sim.NoPanic { // The hints speak of the race.
			v.Next = "The text stops by itself. Mend that first, and then look for the race."
		}
		if v.Schedule != "" {
			v.Next = "Play the schedule. " + v.Next
		}
	}
	return *v
}

// witness is the command that plays the released client; empty: there is none.
func (e *Exercise) witness() string {
	if e.Released == "" {
		return ""
	}
	return "go -C witness run ./cmd/witness release " + e.Released
}

// Hash tells texts apart that differ in more than spaces and comments, in any of the
// exercise's functions. Of a whole file and of the text alone it is the same.
func (e *Exercise) Hash(text string) string {
	bodies, _, err := bodiesOf(text, e.holes)
	if err != nil {
		bodies = []string{text}
	}
	sum := fnv.New32a()
	for _, body := range bodies {
		for _, word := range tokensOf(body) {
			sum.Write([]byte(word + " "))
		}
		sum.Write([]byte("; ")) // A function ends.
	}
	return fmt.Sprintf("%08x", sum.Sum32())
}

// tokensOf are the words and signs of a text, without its comments.
func tokensOf(text string) []string {
	var list []string
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(text)), []byte(text), func(token.Position, string) {}, 0)
	for {
		_, sign, literal := s.Scan()
		switch {
		case sign == token.EOF:
			return list
		case sign == token.SEMICOLON: // Where a line ends makes no difference.
		case literal != "":
			list = append(list, literal)
		default:
			list = append(list, sign.String())
		}
	}
}

// Headline is the verdict in one line.
func (v *Verdict) Headline() string {
	switch v.Outcome {
	case Holds:
		if v.States == 0 {
			return "HOLDS."
		}
		return fmt.Sprintf("HOLDS, in all %s of %s.", explore.Count(v.States, "state"), explore.Count(v.Worlds, "world"))
	case Unreadable:
		if v.Line == 0 {
			return "UNREADABLE: " + v.Says
		}
		return fmt.Sprintf("UNREADABLE, line %d: %s", v.Line, v.Says)
	case Cheat:
		return "NOT YET, it " + v.Held + ": " + v.Says
	case Fault:
		return "NO GRADE, the lab is at fault: " + v.Says
	case Unfinished:
		return fmt.Sprintf("NOT YET: there are more than %s states, and no end of them was seen. Does a loop count on and on?", explore.Thousands(v.States))
	}
	says := v.Says
	if v.Property != "" {
		says = v.Property + ": " + says
	}
	if v.Held != "" {
		return "NOT YET, it " + v.Held + ". " + says
	}
	return "NOT YET. " + says
}

// String is the verdict as a terminal shows it.
func (v Verdict) String() string {
	var b strings.Builder
	b.WriteString(v.Headline() + "\n")
	if v.Price != nil {
		b.WriteString("price   " + v.Price.Says + "\n")
	}
	if v.Means != "" {
		b.WriteString("means   " + v.Means + "\n")
	}
	if v.Schedule != "" {
		fmt.Fprintf(&b, "shortest, %s, in the world %s:\n", explore.Count(v.Steps, "step"), v.World)
		for step := range strings.SplitSeq(v.Schedule, ";") {
			b.WriteString("        " + strings.TrimSpace(step) + "\n")
		}
	}
	for i, sentence := range v.Culprit {
		head := "        "
		if i == 0 {
			head = "why     "
		}
		b.WriteString(head + sentence + "\n")
	}
	if v.Next != "" {
		b.WriteString("next    " + v.Next + "\n")
	}
	if v.Released != "" {
		b.WriteString("release " + v.Released + "\n")
	}
	b.WriteString("board   " + v.Entry().String() + "\n")
	return b.String()
}

// mostStates ends a grade. Right texts have a tenth of them.
const mostStates = 60_000

// grade searches the text's worlds, the calm one first, up to one that breaks.
func (p *program) grade(c []*code) *Verdict {
	race := p.race(c).Race()
	v := &Verdict{Outcome: Holds}
	for i := range p.worlds {
		if p.breaks(race, i, v) {
			if v.Outcome == Vacuous && !slices.ContainsFunc(c, (*code).does) {
				v.Outcome, v.Held, v.Says = Cheat, "does nothing", "the text calls nothing"
			}
			return v
		}
	}
	if p.price != nil {
		v.Price = p.price(c)
	}
	return v
}

// breaks searches one world, and says whether that ends the grade.
func (p *program) breaks(race *scenario.Race, at int, v *Verdict) bool {
	world := p.worlds[at]
	r, c := search(race, world.name, v, explore.Options{Again: at > 0})
	if broke := p.first(r); broke != nil {
		p.describe(v, world, broke)
		v.Culprit = culpritOf(c, broke)
		return true
	}
	if !r.Complete {
		v.Outcome, v.World = Unfinished, world.name
		return true
	}
	for _, q := range p.probes {
		if at == 0 && r.Verdict(q.name).Outcome == explore.Unreachable {
			v.Outcome, v.World, v.Property, v.Held = Cheat, world.name, q.name, q.never
			v.Says = fmt.Sprintf("of %s states, in none of them: %s", explore.Thousands(r.States), q.name)
			return true
		}
	}
	for _, g := range p.goals {
		if g.in != nil && !slices.Contains(g.in, world.name) {
			continue
		}
		if r.Verdict(g.name).Outcome == explore.Vacuous {
			v.Outcome, v.World, v.Property = Vacuous, world.name, g.name
			v.Says = "nothing put this to the test: no run comes to its end, or to where this could break"
			return true
		}
	}
	return false
}

// culpritOf says which orders force the break; nil: they are too many to be found.
func culpritOf(c *scenario.Case, broke *explore.Verdict) []string {
	sys, err := c.System()
	if err != nil {
		panic("exercise: " + err.Error())
	}
	defer sys.Close()
	culprit := explore.FindCulprit(sys, broke.Schedule, broke.Property)
	if culprit == nil {
		return nil
	}
	return culprit.Sentences()
}

// first is the break to look at: what ends a task before the goals, in their order,
// and a data race last, as it is only what leads to the rest.
func (p *program) first(r *explore.Result) *explore.Verdict {
	var best *explore.Verdict
	for i := range r.Verdicts {
		if of := &r.Verdicts[i]; of.Outcome == explore.Broken && (best == nil || p.rank(of.Property) < p.rank(best.Property)) {
			best = of
		}
	}
	return best
}

// ending are the properties that say that a task does not come to its end.
var ending = []string{sim.NoPanic, sim.NoDeadlock, sim.NoProgress, explore.EndsWhenFair}

func (p *program) rank(property string) int {
	if i := slices.Index(ending, property); i >= 0 {
		return i - len(ending)
	}
	if i := slices.IndexFunc(p.goals, func(g goal) bool { return g.name == property }); i >= 0 {
		return i
	}
	return len(p.goals)
}

// describe says how the text breaks in a world.
func (p *program) describe(v *Verdict, w world, broke *explore.Verdict) {
	v.Outcome, v.World, v.Property, v.Says = Broken, w.name, broke.Property, broke.Err.Error()
	v.Schedule, v.Steps = broke.Schedule.String(), len(broke.Schedule)
	if w.when != "" {
		v.Held = "holds until " + w.when
	}
	if broke.Property == sim.NoDeadlock || broke.Property == sim.NoProgress || broke.Property == explore.EndsWhenFair {
		v.Outcome = Deadlock
		v.Means = "What waits here hangs until the process is started anew."
	}
	if explained, ok := broke.Err.(sim.Explained); ok {
		v.Means = explained.Meaning()
	}
	for _, g := range p.goals {
		if g.name == broke.Property && g.cheat != "" {
			v.Outcome, v.Held = Cheat, g.cheat
		}
	}
}
