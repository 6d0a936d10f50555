package explore

import (
	"strings"
	"testing"
	"time"

	"racelab/sim"
)

// Goal: a step that loops, or that waits for a lock of Go's, is told of, with its line;
// steps that end, however many, are not. Method: a watch that glances often, and a step
// that ends once it was seen.
func TestWatch(t *testing.T) {
	for name, stick := range map[string]func(seen chan string) string{
		"waits": func(seen chan string) string { return <-seen },
		"loops": func(seen chan string) string {
			for len(seen) == 0 {
			}
			return <-seen
		},
	} {
		seen, told := make(chan string, 1), make(chan string, 1)
		w := newWatch(time.Millisecond, func(s string) { seen <- s })
		steps := w.world()
		for range 1000 {
			steps.begins()
			steps.ends()
		}
		world := sim.NewWorld()
		world.Go("G0", func(*sim.Task) { told <- stick(seen) })
		steps.begins()
		if err := Of(world).Start(); err != nil {
			t.Fatal(err)
		}
		steps.ends()
		w.end()
		if text := <-told; !strings.HasPrefix(text, "sim: a step does not end in explore.TestWatch.func") || !strings.Contains(text, ", watch_test.go:") {
			t.Errorf("%s: it says %q", name, text)
		}
	}
}

// Goal: a world that is closed, or that could not be made, is not watched any more.
func TestWatchEnds(t *testing.T) {
	sys, err := NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		w.Go("G0", func(t *sim.Task) { t.Step("x") })
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	fork := sys.Fork()
	fork.Close()
	select {
	case <-sys.watch.stop:
		t.Error("the watch ends with a fork")
	default:
	}
	sys.Close()
	<-sys.watch.stop
	sys.Close()
}
