// Simrun is the command of racelab/cmd/simrun with two more, serve-work and work: a
// command on many machines. See package fleet and docs/scale.md.
package main

import (
	"github.com/spf13/cobra"

	"racelab/fleet"
	"racelab/fleet/embedded"
	"racelab/scenarios"
	"racelab/simrun"
)

func main() { simrun.MainWith(commands, scenarios.Registry()...) }

var commands = []func(*simrun.Lab) *cobra.Command{fleet.ServeWork(embedded.Start), fleet.Work}
