package group_test

import (
	_ "racelab/model/coordinator" // want `a test of model/group imports racelab/model/coordinator; want none but sim, model, sim/simtest, sim/explore, pgregory.net/rapid, model/group`
	_ "racelab/model/group"
	_ "racelab/sim/simtest"
)
