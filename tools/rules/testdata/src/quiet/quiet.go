// Package quiet uses what models must not, and is none: it builds no world, and
// is no task and no node.
package quiet

import (
	"os"
	"time"

	"racelab/sim"
)

var Runs int

func Measure(run func()) time.Duration {
	Runs++
	began := time.Now()
	go run()
	os.Getpid()
	return time.Since(began)
}

func World() *sim.World { return &sim.World{} }
