package scenarios

import (
	"slices"
	"sync"

	"racelab/scenario"
	"racelab/scenarios/closehangs"
	"racelab/scenarios/commitawaitsrejoin"
	"racelab/scenarios/commitendsinjoin"
	"racelab/scenarios/commitreconnect"
	"racelab/scenarios/concurrenttransactions"
	"racelab/scenarios/deliveredunwritten"
	"racelab/scenarios/epochdropscommit"
	"racelab/scenarios/errorthendelivered"
	"racelab/scenarios/lostupdate"
	"racelab/scenarios/offsetrewind"
	"racelab/scenarios/patterns"
	"racelab/scenarios/producereorder"
	"racelab/scenarios/rebalancecommit"
	"racelab/scenarios/retryorder"
	"racelab/scenarios/rewindagain"
	"racelab/scenarios/stalemembercommit"
	"racelab/scenarios/stalesnapshot"
	"racelab/scenarios/throttlestall"
	"racelab/scenarios/transactionprotocol"
)

// Registry lists the scenarios.
func Registry() []scenario.Any {
	return slices.Concat([]scenario.Any{
		&concurrenttransactions.Scenario, &throttlestall.Scenario, &producereorder.Scenario, &retryorder.Scenario, &errorthendelivered.Scenario, &deliveredunwritten.Scenario, &offsetrewind.Scenario,
		&commitreconnect.Scenario, &rewindagain.Scenario, &epochdropscommit.Scenario, &commitendsinjoin.Scenario, &commitawaitsrejoin.Scenario, &stalemembercommit.Scenario, &rebalancecommit.Scenario, &stalesnapshot.Scenario, &lostupdate.Scenario,
	}, closehangs.All(), transactionprotocol.All(), patterns.All())
}

// All lists the races, which are the same in each call.
func All() []*scenario.Race { return slices.Clone(all()) }

var all = sync.OnceValue(func() []*scenario.Race {
	races, err := scenario.Races(Registry()...)
	if err != nil {
		panic(err)
	}
	return races
})

// Find returns the race of that name. The error lists what there is.
func Find(name string) (*scenario.Race, error) { return scenario.Find(All(), name) }
