package sweeps

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"racelab/scenario"
)

// place is where a value of a parameter lies on an axis: a number where it is,
// a word by its rank, a duration in ms, a delay in ms by its mean (exp) or median
// (lognormal).
func place(p scenario.Parameter, text string) float64 {
	switch domain := p.Takes.(type) {
	case scenario.Words:
		for i, word := range domain {
			if word == text {
				return float64(i)
			}
		}
	case scenario.Durations:
		if d, err := time.ParseDuration(text); err == nil {
			return float64(d) / float64(time.Millisecond)
		}
	case scenario.Delays:
		kind, rest, named := strings.Cut(text, ":")
		if !named {
			rest = text
		}
		if d, err := time.ParseDuration(strings.Split(rest, ",")[0]); err == nil && (!named || kind == "exp" || kind == "lognormal") {
			return float64(d) / float64(time.Millisecond)
		}
	default:
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return number
		}
	}
	panic(fmt.Sprintf("sweeps: %s=%s has no place on an axis", p.Name, text))
}

// Axis is that of a panel.
type Axis struct {
	Label       string // "latency of a message, one way, in ms"
	Least, Most float64
	Words       []string // that stand at 0, 1, ...; nil: it has numbers
}

// Axis returns the axis of a panel.
func (s *Sweep) Axis(panel Panel) Axis {
	p := s.parameter(panel.Vary)
	axis := Axis{Label: p.Name + ": " + p.Help, Least: place(p, panel.Values[0])}
	switch {
	case strings.HasPrefix(p.Help, "of "): // "latency of a message"
		axis.Label = p.Name + " " + p.Help
	case strings.HasPrefix(p.Help, p.Name): // "records of a transaction"
		axis.Label = p.Help
	}
	axis.Most = axis.Least
	axis.Label += inUnit(s.Unit(panel))
	for _, text := range panel.Values {
		axis.Least, axis.Most = min(axis.Least, place(p, text)), max(axis.Most, place(p, text))
	}
	if words, ok := p.Takes.(scenario.Words); ok {
		axis.Words = words
	}
	return axis
}

// Unit is that of the panel's axis; empty: none.
func (s *Sweep) Unit(panel Panel) string {
	switch s.parameter(panel.Vary).Takes.(type) {
	case scenario.Delays, scenario.Durations:
		return "ms"
	}
	return ""
}

// AxisText is where a row lies on its axis, for a sentence: "5 ms".
func (s *Sweep) AxisText(row Row) string {
	if words, ok := s.parameter(row.Panel.Vary).Takes.(scenario.Words); ok {
		return words[int(row.At)]
	}
	text := Number(row.At)
	if unit := s.Unit(row.Panel); unit != "" {
		text += " " + unit
	}
	return text
}

// parameter returns a parameter by its name.
func (s *Sweep) parameter(name string) scenario.Parameter {
	for _, p := range s.Parameters {
		if p.Name == name {
			return p
		}
	}
	panic("sweeps: " + s.Name + " has no parameter " + name)
}
