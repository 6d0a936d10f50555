package sweeps

import (
	_ "racelab/model/group"
	_ "racelab/properties" // want `sweeps imports racelab/properties; want none but scenario, scenarios/...`
	_ "racelab/scenarios"
)
