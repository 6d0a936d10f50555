package outbox

import (
	"testing"

	"racelab/sim/simtest"
)

func TestTwoRelays(t *testing.T) {
	simtest.Search{Expect: []string{"published once"}}.Check(t, Build(false))
}

func TestOneLock(t *testing.T) { simtest.Check(t, Build(true)) }
