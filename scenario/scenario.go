package scenario

import (
	"fmt"
	"slices"

	"racelab/sim"
	"racelab/sim/explore"
)

// Scenario is one race, with everything that is known about it. Name and Build are
// needed; all else may be left out.
type Scenario[S, V any] struct {
	Name     string // "offset-rewind"
	Title    string
	Stake    string    // what is at stake, in three sentences
	Do       string    // what a user should do about it, in one or two
	Group    Group     // empty: Application
	Fixed    string    // the release that no longer has the race; empty: none that is known
	Symptoms []Symptom // how a user meets the race
	Sources  []string
	Code     []string // where its model lies

	// Flags declares the parameters. nil: there are none.
	Flags func(*S, *Flags)
	// Settings are those in which every expectation is checked. None: the defaults
	// alone, as the setting "defaults".
	Settings []*Setting[S]
	Claims   []*Claim[S] // the first is the one to look at first
	// Variants: the first is the unfixed one. None: one, "default", of the zero V.
	Variants []Variant[S, V]
	// Always is expected of every variant that says nothing else. What nobody
	// speaks of is expected to hold, in all states.
	Always []Expect[S]

	Statements []Statement
	Needs      []Need[S]
	Chapters   []Chapter

	// Schedule is the shortest known that breaks the first claim in the unfixed
	// variant, with the default parameters.
	Schedule string
	// Story is the fewest orders that lead the unfixed variant into the race,
	// one EVENT before EVENT a line. Played against a fix it shows where the
	// fix gets in the way.
	Story string

	// Build fills the world of a variant. The claims are watched afterwards.
	Build func(w *sim.World, variant V, s S)
}

// Chapter is what a race has to tell beyond what every race tells.
type Chapter struct {
	Title string
	Lines func(r *Race) []string // of at most 98 columns: simrun show sets them in by two
}

// Group is what kind of race a scenario is.
type Group string

const (
	ClientRace  Group = "Races of clients"
	Protocol    Group = "The protocol"
	Application Group = "The application"
	Pattern     Group = "Patterns"
	Toy         Group = "Toys"
)

// Groups lists the groups, in the order in which readers want them.
func Groups() []Group { return []Group{ClientRace, Protocol, Application, Pattern, Toy} }

// Variant is a release or a proposal: the race, or a fix of it.
type Variant[S, V any] struct {
	Name    string
	Release string // "Sarama 1.38.0 to 1.43.2"
	Does    string // what it does about the race
	Is      V      // what Build is given
	Expect  []Expect[S]
	// States are the numbers of states that a search visits. Check holds them, so
	// that a preemption point that is new or gone is noticed.
	States map[*Setting[S]]int
	// SlowIn are the settings whose search takes so long that Check leaves it out
	// unless it is asked for.
	SlowIn []*Setting[S]
}

// Setting is a choice of parameters with a name.
type Setting[S any] struct {
	Name string
	Set  func(*S) // changes the defaults; nil: none of them
}

// Claim is a property that is claimed of every variant.
type Claim[S any] struct {
	Name string
	Says string // what it claims, in words
	// If says where the claim makes sense; nil: everywhere. Elsewhere it is not
	// watched.
	If func(S) bool
	// Property makes the property of this name. nil: Build adds it, or it is one that
	// every world has.
	Property func(S) *sim.Property
}

// BuiltIn is a property that every world has, such as sim.NoDeadlock, for
// expectations. Claims may list it, with words: then it must not be vacuous.
func BuiltIn[S any](name string) *Claim[S] { return &Claim[S]{Name: name} }

// builtIns are the properties that worlds have by themselves.
var builtIns = []string{sim.NoDeadlock, sim.NoProgress, sim.NoPanic, sim.NoDataRace, sim.NodeInvariants, sim.Assertions, explore.EndsWhenFair}

// Need is something to want of a variant: that claims hold in settings, or that a
// sweep has it so. Which variants give the former follows from what is expected of
// them; of the latter it is told, and a test of the sweep holds it.
type Need[S any] struct {
	Name   string
	Claims []*Claim[S]
	In     []*Setting[S] // none: all

	Gives, Breaks []string // names of variants
	Command       string   // the sweep
	Figure        string   // that shows it
}

// Statement is what a write-up or a bug report says, and what the lab found.
type Statement struct {
	ID       string // "C4.2"
	Says     string
	Verdict  Verdict
	When     string // the condition of the verdict; empty: none
	Evidence string
	Command  string // earns the verdict; empty while it is open
	Figure   string // shows it: "figures/gallery/backoff.png"; empty: none does
}

// Verdict is what the lab found of a statement.
type Verdict string

const (
	True       Verdict = "true"
	PartlyTrue Verdict = "partly true"
	False      Verdict = "false"
	Open       Verdict = "open"
)

// Finding is the verdict with its condition: "partly true (Max yes, Backoff no)".
func (s Statement) Finding() string {
	if s.When == "" {
		return string(s.Verdict)
	}
	return string(s.Verdict) + " (" + s.When + ")"
}

// Any is a scenario, whatever its settings and variants are. Every *Scenario is one.
type Any interface {
	// Race forgets the types. It panics if the scenario contradicts itself.
	Race() *Race
}

// Of is the scenario of a system with one variant and no parameters, whose build
// function also watches its properties.
func Of(name string, build func(*sim.World)) Any {
	if build == nil {
		return &Scenario[struct{}, struct{}]{Name: name}
	}
	return &Scenario[struct{}, struct{}]{Name: name, Build: func(w *sim.World, _, _ struct{}) { build(w) }}
}

// fault is what a scenario that contradicts itself panics with.
func fault(format string, args ...any) *sim.ModelError {
	return &sim.ModelError{Reason: "scenario: " + fmt.Sprintf(format, args...)}
}

// Races are the scenarios as text. The error is the first that contradicts itself, or
// has the name of another.
func Races(all ...Any) (races []*Race, err error) {
	defer sim.RecoverModelError(&err)
	for _, s := range all {
		if s == nil {
			return nil, fault("one is nil")
		}
		r := s.Race()
		if slices.ContainsFunc(races, func(other *Race) bool { return other.Name == r.Name }) {
			return nil, fault("there are two of the name %s", r.Name)
		}
		races = append(races, r)
	}
	return races, nil
}

// Default returns the parameters at their defaults.
func (s *Scenario[S, V]) Default() S { return Defaults(s.Flags) }

// World makes the world of a variant. It panics if there is none of that name.
func (s *Scenario[S, V]) World(variant string, p S) *sim.World {
	return sim.Build(func(w *sim.World) {
		s.Build(w, s.variant(variant).Is, p)
		for _, c := range s.Claims {
			if c.Property == nil || c.If != nil && !c.If(p) {
				continue
			}
			property := c.Property(p)
			if property.Name() != c.Name {
				panic(fault("%s: the claim %s has the property %s", s.Name, c.Name, property.Name()))
			}
			w.Watch(property)
		}
	})
}

// Case returns a variant with some parameters. It panics if there is none of that
// name.
func (s *Scenario[S, V]) Case(variant string, p S) *Case { return s.caseOf(s.Race(), variant, p) }

// variants are those that are declared, or the only one.
func (s *Scenario[S, V]) variants() []Variant[S, V] {
	if s.Variants == nil {
		return []Variant[S, V]{{Name: "default"}}
	}
	return s.Variants
}

func (s *Scenario[S, V]) variant(name string) Variant[S, V] {
	for _, v := range s.variants() {
		if v.Name == name {
			return v
		}
	}
	panic(fault("%s has no variant %q", s.Name, name))
}

// settings are those that are declared, or the defaults.
func (s *Scenario[S, V]) settings() []*Setting[S] {
	if s.Settings == nil {
		return []*Setting[S]{{Name: "defaults"}}
	}
	return s.Settings
}

// in returns the parameters of a setting.
func (s *Scenario[S, V]) in(setting *Setting[S]) S {
	p := s.Default()
	if setting.Set != nil {
		setting.Set(&p)
	}
	return p
}
