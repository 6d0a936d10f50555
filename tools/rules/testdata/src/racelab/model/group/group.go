package group

import (
	_ "racelab/model"
	_ "racelab/model/coordinator" // want `model/group imports racelab/model/coordinator; want none but sim, model`
	_ "racelab/sim/explore"       // want `model/group imports racelab/sim/explore; want none but sim, model`
)
