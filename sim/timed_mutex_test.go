package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"racelab/sim"
)

// turnsOf runs tasks at one lock, each from its start on: it locks, holds the
// lock for a while, unlocks, and comes again after a step. It lists who got the
// lock and when, in ms.
func turnsOf(t *testing.T, wake string, starts []string, rounds int, hold, back string) string {
	t.Helper()
	w := sim.NewWorld()
	l := &locked{}
	w.Share("l", l)
	var before []sim.DelayOverride
	for i, start := range starts {
		arrive := string(fmt.Sprintf("arrive %d", i))
		before = append(before, sim.DelayOverride{Of: string(arrive), Delay: delay(t, start)})
		w.GoProgram(string(rune('A'+i)), &script{run: func(task *sim.Task, _ *script) {
			task.Step("start")
			task.Step(arrive)
			for range rounds {
				l.lock.Lock(task.At("lock"))
				task.Step("hold")
				l.lock.Unlock(task)
			}
		}})
	}
	before = append(before, sim.DelayOverride{Of: "hold", Delay: delay(t, hold)}, sim.DelayOverride{Of: "lock", Delay: delay(t, back)})
	w.Timed(sim.Timing{Seed: 1, Wake: delay(t, wake), ThinkTimes: before})
	trace, ending := run(t, w, sim.NewWalk(1))
	if ending != sim.Finished {
		t.Fatalf("run ended by %q", ending)
	}
	var got []string
	for _, step := range trace.Steps {
		if strings.HasPrefix(step.Label, "lock") {
			got = append(got, fmt.Sprintf("%s %v", step.Actor, step.At.Sub(0).Round(time.Microsecond)))
		}
	}
	return strings.Join(got, ", ")
}

// Goal: in a timed world with wake-ups a Mutex is fair and unfair as Go's is.
func TestTimedMutexTakesTurnsAsGosDoes(t *testing.T) {
	for _, test := range []struct {
		name, wake string
		starts     []string // when each comes to the lock first, but for the way there
		rounds     int
		hold, back string
		want       string
	}{
		// Who came first is woken first.
		{"in line", "10us", []string{"0s", "200us", "100us"}, 1, "400us", "1us",
			"A 1µs, C 411µs, B 821µs"},
		// A comes back before B is awake, and B lies down again; it has not
		// waited for 1 ms.
		{"barging", "10us", []string{"0s", "100us"}, 2, "400us", "1us",
			"A 1µs, A 402µs, B 812µs, B 1.213ms"},
		// B has waited for 1 ms when A barges in. The next time it is handed the
		// lock at once, and A, which yields its processor, comes 11 us later. Then
		// the same with the two changed over; and the last B waits for is gone.
		{"starving", "10us", []string{"0s", "100us"}, 3, "1.2ms", "1us",
			"A 1µs, A 1.202ms, B 2.402ms, B 3.603ms, A 4.803ms, B 6.013ms"},
		// Without a wake-up nobody has an advantage.
		{"no wake-ups", "0s", []string{"0s", "100us"}, 1, "400us", "1us",
			"A 1µs, B 401µs"},
	} {
		if got := turnsOf(t, test.wake, test.starts, test.rounds, test.hold, test.back); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
