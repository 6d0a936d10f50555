package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim"
	"racelab/sim/explore"
)

// Scenario is one race, with everything that is known about it.
type Scenario struct {
	Name     string // "offset-rewind"
	Title    string
	Stake    string    // what is at stake, in three sentences
	Do       string    // what a user should do about it, in one or two
	Group    Group     // empty: Application
	Fixed    string    // the release that no longer has the race; empty: none that is known
	Symptoms []Symptom // how a user meets the race
	Sources  []string
	Code     []string // where its model lies

	Parameters []Parameter
	Variants   []Variant // the first is the unfixed one
	Worlds     []World   // settings in which every expectation is checked
	Properties []Claimed // besides those of every world
	// Breaks lists what is expected to break: all else is expected to hold, in
	// every variant and every world, in all states there are.
	Breaks []Expectation
	// Idle lists what nothing can put to the test, and why that is no failure
	// stands beside it.
	Idle   []Expectation
	Claims []Claim
	// Needs are what a reader may want of the variants.
	Needs []Need

	// Schedule is the shortest known that breaks the unfixed variant, with the
	// default parameters.
	Schedule string
	// Story is the fewest orders that lead the unfixed variant into the race,
	// one EVENT before EVENT a line. Played against a fix it shows where the
	// fix gets in the way.
	Story string

	// Build makes the world of a variant.
	Build func(variant string, values Values) *sim.World
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
type Variant struct {
	Name    string
	Release string // "Sarama 1.38.0 to 1.43.2"
	What    string // what it does about the race
}

// Claimed is a property with its claim in words.
type Claimed struct {
	Property string
	Claim    string
}

// World is a setting of the parameters with a name.
type World struct {
	Name string
	// Set is what differs from the defaults: "partitions=4 commits=1".
	Set string
	// Deep lists the variants whose search takes so long here that Check leaves
	// it out unless it is asked for.
	Deep string
}

// Expectation is about properties of variants in worlds: each field lists
// names, with a space between two, and what is said goes for all of them.
type Expectation struct {
	Variants   string
	Properties string
	Worlds     string
}

func (e Expectation) covers(variant, property, world string) bool {
	return lists(e.Variants, variant) && lists(e.Properties, property) && lists(e.Worlds, world)
}

// lists says whether a name is among those of a list.
func lists(names, name string) bool { return slices.Contains(strings.Fields(names), name) }

// Need is something to want of a variant: that properties hold in worlds, or that
// a sweep has it so. Which variants give the former follows from what is expected
// of them; of the latter it is told, and a test of the sweep holds it.
type Need struct {
	Name       string
	Properties string
	Worlds     string

	Gives, Breaks string // names of variants, with a space between two
	Command       string // the sweep
	Figure        string // that shows it
}

// Answer is what the variants have to say to a need.
type Answer struct {
	Gives, Breaks []string // names of variants
}

// Answer says which variants give what is needed. A variant in which nothing puts
// a property to the test, in any of the worlds, does not.
func (s *Scenario) Answer(need Need) Answer {
	if need.Command != "" {
		return Answer{strings.Fields(need.Gives), strings.Fields(need.Breaks)}
	}
	a := Answer{Gives: []string{}, Breaks: []string{}}
	for _, v := range s.Variants {
		broken, idle := []string(nil), false
		for _, p := range strings.Fields(need.Properties) {
			t := s.tally(v, p, func(world string) bool { return lists(need.Worlds, world) })
			broken = append(broken, t.Breaks...)
			idle = idle || t.Idle == t.Worlds && p != sim.NoDeadlock // Who never waits for a lock has none.
		}
		switch {
		case broken != nil:
			a.Breaks = append(a.Breaks, v.Name)
		case !idle:
			a.Gives = append(a.Gives, v.Name)
		}
	}
	return a
}

// Claim is what a write-up or a bug report says, and what the lab found.
type Claim struct {
	ID       string // "C4.2"
	Says     string
	Verdict  string // Confirmed, Refuted, Open, or "only when ..."
	Evidence string
	Command  string // earns the verdict; empty while it is open
	Figure   string // shows it: "figures/gallery/backoff.png"; empty: none does
}

const (
	Confirmed = "confirmed"
	Refuted   = "refuted"
	Open      = "open"
)

// All lists the scenarios.
func All() []*Scenario {
	return []*Scenario{
		&concurrentTransactions, &throttleStall, &produceReorder, &offsetRewind, &commitReconnect, &staleMemberCommit, &staleSnapshot, &lostUpdate,
	}
}

// Find returns the scenario of that name. The error lists what there is.
func Find(name string) (*Scenario, error) { return FindIn(All(), name) }

// FindIn returns the scenario of that name among some.
func FindIn(all []*Scenario, name string) (*Scenario, error) {
	var names []string
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, &UnknownName{"scenario", name, names}
}

// FindVariant returns the variant of that name; the empty name is the first.
func (s *Scenario) FindVariant(name string) (Variant, error) {
	if name == "" {
		return s.Variants[0], nil
	}
	for _, v := range s.Variants {
		if v.Name == name {
			return v, nil
		}
	}
	return Variant{}, &UnknownName{"variant of " + s.Name, name, s.VariantNames()}
}

// FindWorld returns the setting of that name.
func (s *Scenario) FindWorld(name string) (World, error) {
	var names []string
	for _, world := range s.Worlds {
		if world.Name == name {
			return world, nil
		}
		names = append(names, world.Name)
	}
	return World{}, &UnknownName{"setting of " + s.Name, name, names}
}

// WorldOf is the setting that has these values.
func (s *Scenario) WorldOf(values Values) (World, bool) {
	for _, world := range s.Worlds {
		if slices.Equal(s.Values(world), values) {
			return world, true
		}
	}
	return World{}, false
}

// Expects says whether the table expects a variant to break a property with these
// values. Where they are no setting of the scenario's, any of its settings counts. So
// it does for a data race: a run sees one by the order of happens-before, also where
// the search of a timed setting, in which the two steps are at no time both possible,
// has none.
func (s *Scenario) Expects(variant, property string, values Values) bool {
	named, ok := s.WorldOf(values)
	for _, world := range s.Worlds {
		if (!ok || world.Name == named.Name || property == sim.NoDataRace) && s.Expected(variant, property, world.Name) == explore.Broken {
			return true
		}
	}
	return false
}

// VariantNames lists the variants, the unfixed one first.
func (s *Scenario) VariantNames() []string {
	var names []string
	for _, v := range s.Variants {
		names = append(names, v.Name)
	}
	return names
}

// System returns what a search works on.
func (s *Scenario) System(variant string, values Values) (*explore.Worlds, error) {
	return explore.NewWorlds(func() *sim.World { return s.Build(variant, values) })
}

// Watched says which properties are judged in a world.
func (s *Scenario) Watched(variant Variant, world World) []string {
	w := s.Build(variant.Name, s.Values(world))
	defer w.Close()
	return w.Properties()
}

// Judged lists the properties that tell variants apart: those that the scenario
// claims, and those of every world that some variant breaks.
func (s *Scenario) Judged() []string {
	var judged []string
	for _, p := range s.Properties {
		judged = append(judged, p.Property)
	}
	for _, b := range s.Breaks {
		for _, p := range strings.Fields(b.Properties) {
			if !slices.Contains(judged, p) {
				judged = append(judged, p)
			}
		}
	}
	return judged
}

// Tally is what a property of a variant is expected to come to over all worlds.
type Tally struct {
	Worlds int      // that judge it
	Breaks []string // those in which it breaks
	Idle   int      // those in which nothing puts it to the test
}

// Tally sums up a property of a variant.
func (s *Scenario) Tally(variant Variant, property string) Tally {
	return s.tally(variant, property, func(string) bool { return true })
}

// tally sums up a property of a variant over some worlds.
func (s *Scenario) tally(variant Variant, property string, in func(world string) bool) Tally {
	var t Tally
	for _, world := range s.Worlds {
		if !in(world.Name) || !slices.Contains(s.Watched(variant, world), property) {
			continue
		}
		t.Worlds++
		switch s.Expected(variant.Name, property, world.Name) {
		case explore.Broken:
			t.Breaks = append(t.Breaks, world.Name)
		case explore.NotExercised:
			t.Idle++
		}
	}
	return t
}

// String is the tally in words: "breaks in 2x2, cut".
func (t Tally) String() string {
	switch {
	case len(t.Breaks) == t.Worlds && t.Worlds > 0:
		return "breaks"
	case t.Breaks != nil:
		return "breaks in " + strings.Join(t.Breaks, ", ")
	case t.Idle == t.Worlds:
		return "not exercised"
	}
	return "holds"
}

// Cell is the tally for a table: "✗ 6/8", "holds", or "·" for what is never tested.
func (t Tally) Cell() string {
	switch {
	case len(t.Breaks) > 0:
		return fmt.Sprintf("✗ %d/%d", len(t.Breaks), t.Worlds)
	case t.Idle == t.Worlds:
		return "·"
	}
	return "holds"
}

// Expected is the outcome that a property is expected to have.
func (s *Scenario) Expected(variant, property, world string) explore.Outcome {
	for _, b := range s.Breaks {
		if b.covers(variant, property, world) {
			return explore.Broken
		}
	}
	for _, i := range s.Idle {
		if i.covers(variant, property, world) {
			return explore.NotExercised
		}
	}
	return explore.Exhausted
}
