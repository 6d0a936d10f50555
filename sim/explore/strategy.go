package explore

import (
	"fmt"
	"strings"
)

// Strategies are the searches by name: those of all that can happen, and then those that
// sample runs.
func Strategies() []string {
	return []string{"states", "exhaustive", "pct", "pos", "uniform", "walk", "feedback"}
}

// Samplers are the strategies that sample runs.
func Samplers() []string { return Strategies()[2:] }

// Search searches by the strategy of that name. Only samplers use the seed, and only pct
// the depth. The error is that of the strategy, or names those that there are.
func Search(strategy string, sys System, seed uint64, depth int, o Options) (*Result, error) {
	switch strategy {
	case "states":
		return States(sys, o)
	case "exhaustive":
		return Exhaustive(sys, o)
	case "pct":
		return PCT(sys, seed, depth, o)
	case "pos":
		return POS(sys, seed, o)
	case "uniform":
		return Uniform(sys, seed, o)
	case "walk":
		return Walks(sys, seed, o)
	case "feedback":
		return Feedback(sys, seed, o)
	}
	all := Strategies()
	last := len(all) - 1
	return nil, fmt.Errorf("there is no strategy %q; want %s or %s", strategy, strings.Join(all[:last], ", "), all[last])
}
