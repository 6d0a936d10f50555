package config

import "racelab/sim"

// Checked is a configuration of some client.
type Checked interface {
	// Validate is the client's own check. The error is the client's sentence.
	Validate() error
}

// rule is a line of a client's check.
type rule[C any] struct {
	refuses func(c C) bool
	says    string
}

// check returns the sentence of the first rule that refuses; empty: none does.
func check[C any](rules []rule[C], c C) string {
	for _, r := range rules {
		if r.refuses(c) {
			return r.says
		}
	}
	return ""
}

// Must refuses a world whose client would not start: it panics with a
// *sim.ModelError that names the client, and has its sentence.
func Must(client string, c Checked) {
	if err := c.Validate(); err != nil {
		panic(&sim.ModelError{Reason: client + " refuses this configuration: " + err.Error()})
	}
}
