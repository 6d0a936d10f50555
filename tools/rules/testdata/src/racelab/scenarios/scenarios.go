package scenarios

import (
	_ "racelab/model/group"
	_ "racelab/sim/simtest" // want `scenarios imports racelab/sim/simtest; want none but scenario, properties, model/..., sim/...`
	_ "racelab/sim/view"
)
