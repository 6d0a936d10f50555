package explore

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: searches leave the collector as it was, also those that run side by side.
func TestTheCollectorIsPutBack(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	now := func() (percent int) {
		percent = debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent
	}
	limit := debug.SetMemoryLimit(-1)
	first, second := (&Options{}).bindMemory(), (&Options{Memory: 1 << 30}).bindMemory()
	if first.limit != math.MaxInt64 && limit == math.MaxInt64 || second.limit > 1<<30 {
		t.Errorf("they may hold %d and %d bytes", first.limit, second.limit)
	}
	for _, test := range []struct{ live, want int }{{0, 6400}, {1 << 20, 6400}, {16 << 20, 400}, {20 << 20, 400}, {128 << 20, 100}} {
		if first.holds(int64(test.live)); now() != test.want {
			t.Errorf("with %d bytes in use GOGC is %d, want %d", test.live, now(), test.want)
		}
	}
	second.holds(0)
	first.release()
	second.release()
	if now() != 100 || debug.SetMemoryLimit(-1) != limit {
		t.Errorf("at the end GOGC is %d, and the limit %d", now(), debug.SetMemoryLimit(-1))
	}
}

// Goal: a search that has no room to begin says so, and calls nothing vacuous.
func TestNoRoomToBegin(t *testing.T) {
	sys, err := NewWorlds(sim.NewWorld)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	if r, err := States(sys, Options{Memory: 1000}); err == nil || !strings.Contains(err.Error(), "the search may hold 0 KB, and ") {
		t.Errorf("%v, %v", r, err)
	}
}
