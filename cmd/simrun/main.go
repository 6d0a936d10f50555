// Simrun runs, explores and checks the lab's scenarios; see package simrun.
package main

import (
	"racelab/scenarios"
	"racelab/simrun"
)

func main() { simrun.Main(scenarios.Registry()...) }
