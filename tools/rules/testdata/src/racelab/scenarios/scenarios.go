package scenarios

import (
	_ "racelab/model/group" // want `scenarios imports racelab/model/group; want none but scenario, scenarios/...`
	_ "racelab/scenario"
	_ "racelab/scenarios/toy"
)
