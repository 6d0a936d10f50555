package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"racelab/sim"
	"racelab/sim/explore"
)

// Scenario is one race, with everything that is known about it.
type Scenario struct {
	Name    string // "offset-rewind"
	Title   string
	Stake   string // what is at stake, in three sentences
	Sources []string
	Code    []string // where its model lies

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
	Name   string
	Values Values
}

// Expectation is about a property of a variant in a world.
type Expectation struct {
	Variant  string
	Property string
	World    string
}

// Claim is what a write-up or a bug report says, and what the lab found.
type Claim struct {
	ID       string // "C4.2"
	Says     string
	Verdict  string // Confirmed, Refuted, Open, or "only when ..."
	Evidence string
	Command  string // earns the verdict; empty while it is open
}

const (
	Confirmed = "confirmed"
	Refuted   = "refuted"
	Open      = "open"
)

// Parameter is a number that a scenario can be run with.
type Parameter struct {
	Name     string
	Help     string
	Default  int
	Min, Max int
}

// Values are settings of parameters, in the order of the scenario's.
type Values []Value

// Value is one setting.
type Value struct {
	Name  string
	Value int
}

// Get returns a value by the parameter's name.
func (v Values) Get(name string) int {
	for _, value := range v {
		if value.Name == name {
			return value.Value
		}
	}
	panic("scenarios: no parameter " + name)
}

func (v Values) String() string {
	parts := make([]string, len(v))
	for i, value := range v {
		parts[i] = value.Name + "=" + strconv.Itoa(value.Value)
	}
	return strings.Join(parts, " ")
}

// All lists the scenarios.
func All() []*Scenario {
	return []*Scenario{&offsetRewind, &staleMemberCommit, &staleSnapshot, &lostUpdate}
}

// Find returns the scenario of that name. The error lists what there is.
func Find(name string) (*Scenario, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, unknown("scenario", name, names)
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
	return Variant{}, unknown("variant of "+s.Name, name, s.VariantNames())
}

// VariantNames lists the variants, the unfixed one first.
func (s *Scenario) VariantNames() []string {
	var names []string
	for _, v := range s.Variants {
		names = append(names, v.Name)
	}
	return names
}

// Defaults returns every parameter at its default.
func (s *Scenario) Defaults() Values {
	var values Values
	for _, p := range s.Parameters {
		values = append(values, Value{p.Name, p.Default})
	}
	return values
}

// Set returns the defaults with some set by NAME=VALUE. The error says which is
// wrong, and what is possible.
func (s *Scenario) Set(settings []string) (Values, error) {
	values := s.Defaults()
	for _, setting := range settings {
		name, text, ok := strings.Cut(setting, "=")
		if !ok {
			return nil, fmt.Errorf("%.60q is no setting; want NAME=VALUE, of %s", setting, s.ranges())
		}
		at := -1
		for i, p := range s.Parameters {
			if p.Name == name {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("%s has no parameter %.60q; it has %s", s.Name, name, s.ranges())
		}
		p := s.Parameters[at]
		value, err := strconv.Atoi(text)
		if err != nil || value < p.Min || value > p.Max {
			return nil, fmt.Errorf("%s=%.60s is out of range; want %d to %d", name, text, p.Min, p.Max)
		}
		values[at].Value = value
	}
	return values, nil
}

func (s *Scenario) ranges() string {
	var ranges []string
	for _, p := range s.Parameters {
		ranges = append(ranges, fmt.Sprintf("%s=%d..%d", p.Name, p.Min, p.Max))
	}
	return strings.Join(ranges, ", ")
}

// System returns what a search works on.
func (s *Scenario) System(variant string, values Values) (*explore.Worlds, error) {
	return explore.NewWorlds(func() *sim.World { return s.Build(variant, values) })
}

// Expected is the outcome that a property is expected to have.
func (s *Scenario) Expected(variant, property, world string) explore.Outcome {
	for _, b := range s.Breaks {
		if b == (Expectation{variant, property, world}) {
			return explore.Broken
		}
	}
	for _, i := range s.Idle {
		if i == (Expectation{variant, property, world}) {
			return explore.NotExercised
		}
	}
	return explore.Exhausted
}

func unknown(kind, name string, names []string) error {
	return fmt.Errorf("there is no %s %.60q; there is %s", kind, name, strings.Join(names, ", "))
}
