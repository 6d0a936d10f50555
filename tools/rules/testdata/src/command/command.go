// Command has a model of its own, and shows what it does.
package main

import (
	"os"
	"time"

	"racelab/sim"
)

func build(w *sim.World) { time.Sleep(1) } // want `uses time.Sleep; the world has the only clock`

func main() { os.Stdout.WriteString("") }
