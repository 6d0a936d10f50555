// Package helpers has functions with points that Programs elsewhere call.
package helpers

import "racelab/sim"

func Clean(t *sim.Task) { t.Step("a") }

func Keeping(t *sim.Task) int {
	n := clock()
	t.Step("a")
	return n
}

func Through(t *sim.Task) { Keeping(t) }

func clock() int { return 1 }

// Handler is called by a Program here, and implemented elsewhere.
type Handler interface{ Consume(t *sim.Task) }

type Claim struct{ Handler Handler }

func (c *Claim) Run(t *sim.Task) { c.Handler.Consume(t) }
