package scenarios_test

import (
	"os"
	"testing"

	"racelab/sim/simtest"
)

func TestMain(m *testing.M) {
	simtest.PinRapid()
	os.Exit(m.Run())
}
