package sweeps

import (
	_ "racelab/model/group"
	_ "racelab/properties" // want `sweeps imports racelab/properties; want none but advise, scenario, scenarios`
	_ "racelab/scenarios"
)
