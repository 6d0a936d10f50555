package conform

import (
	"testing"

	"racelab/sim/simtest"
)

func TestMain(m *testing.M) { simtest.Main(m) }
