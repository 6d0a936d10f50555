package toy

import (
	_ "racelab/model/group"
	_ "racelab/scenario"
	_ "racelab/sim/simtest" // want `scenarios/toy imports racelab/sim/simtest; want none but scenario, properties, model/..., sim`
)
