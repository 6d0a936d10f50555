package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"racelab/sim"
)

// Parameter is something that a scenario can be run with.
type Parameter struct {
	Name    string
	Help    string
	Default string
	Takes   Domain
}

// Domain is what a parameter can be set to.
type Domain interface {
	// Has says whether the text is a setting.
	Has(text string) bool
	// String says what is: "1 to 4", "manual or auto".
	String() string
}

// Numbers are the whole numbers of a range, both ends included.
type Numbers struct{ Min, Max int }

func (n Numbers) Has(text string) bool {
	number, err := strconv.Atoi(text)
	return err == nil && strconv.Itoa(number) == text && n.Min <= number && number <= n.Max
}

func (n Numbers) String() string { return fmt.Sprintf("%d to %d", n.Min, n.Max) }

// Words are a few words.
type Words []string

func (w Words) Has(text string) bool { return slices.Contains(w, text) }

func (w Words) String() string {
	last := len(w) - 1
	return strings.Join(w[:last], ", ") + " or " + w[last]
}

// Delays are what sim.ParseDelay understands.
type Delays struct{}

func (Delays) Has(text string) bool {
	_, err := sim.ParseDelay(text)
	return err == nil
}

func (Delays) String() string { return sim.DelayForms }

// Durations are fixed times.
type Durations struct{}

func (Durations) Has(text string) bool {
	d, err := time.ParseDuration(text)
	return err == nil && 0 <= d && d <= time.Hour
}

func (Durations) String() string { return "0s to 1h" }

// Values are settings of parameters, in the order of the scenario's. Each is in
// its parameter's domain.
type Values []Value

// Value is one setting.
type Value struct{ Name, Text string }

// Int returns the value of a parameter that takes Numbers.
func (v Values) Int(name string) int {
	number, err := strconv.Atoi(v.Word(name))
	if err != nil {
		panic("scenarios: parameter " + name + " is no number")
	}
	return number
}

// Word returns the value of a parameter that takes Words.
func (v Values) Word(name string) string {
	for _, value := range v {
		if value.Name == name {
			return value.Text
		}
	}
	panic("scenarios: no parameter " + name)
}

// Duration returns the value of a parameter that takes Durations.
func (v Values) Duration(name string) time.Duration {
	d, err := time.ParseDuration(v.Word(name))
	if err != nil {
		panic("scenarios: parameter " + name + " is no duration")
	}
	return d
}

// Delay returns the value of a parameter that takes Delays.
func (v Values) Delay(name string) sim.Delay {
	delay, err := sim.ParseDelay(v.Word(name))
	if err != nil {
		panic("scenarios: parameter " + name + ": " + err.Error())
	}
	return delay
}

func (v Values) String() string {
	parts := make([]string, len(v))
	for i, value := range v {
		parts[i] = value.Name + "=" + value.Text
	}
	return strings.Join(parts, " ")
}

// Defaults returns every parameter at its default.
func (s *Scenario) Defaults() Values {
	var values Values
	for _, p := range s.Parameters {
		values = append(values, Value{p.Name, p.Default})
	}
	return values
}

// Changed returns the settings that are not the defaults.
func (s *Scenario) Changed(values Values) Values {
	defaults := s.Defaults()
	var changed Values
	for i, value := range values {
		if value != defaults[i] {
			changed = append(changed, value)
		}
	}
	return changed
}

// Values returns the parameters of one of the scenario's worlds.
func (s *Scenario) Values(world World) Values {
	values, err := s.Set(strings.Fields(world.Set))
	if err != nil {
		panic("scenarios: world " + world.Name + " of " + s.Name + ": " + err.Error())
	}
	return values
}

// Set returns the defaults with some set by NAME=VALUE. The error says which is
// wrong, and what is possible.
func (s *Scenario) Set(settings []string) (Values, error) {
	return Set(s.Name, s.Parameters, s.Defaults(), settings)
}

// Set returns the values with some set anew by NAME=VALUE. The error says which
// is wrong, and what is possible; owner is whose parameters they are.
func Set(owner string, parameters []Parameter, values Values, settings []string) (Values, error) {
	values = slices.Clone(values)
	for _, setting := range settings {
		name, text, ok := strings.Cut(setting, "=")
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		if !ok {
			return nil, fmt.Errorf("%.60q is no setting; want NAME=VALUE, of %s", setting, strings.Join(names(parameters), ", "))
		}
		at := slices.IndexFunc(parameters, func(p Parameter) bool { return p.Name == name })
		if at < 0 {
			return nil, &UnknownName{"parameter of " + owner, name, names(parameters)}
		}
		if domain := parameters[at].Takes; !domain.Has(text) {
			return nil, fmt.Errorf("%s=%.60s is out of range; want %v", name, text, domain)
		}
		values[at].Text = text
	}
	return values, nil
}

func names(parameters []Parameter) []string {
	var names []string
	for _, p := range parameters {
		names = append(names, p.Name)
	}
	return names
}
