package sim_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"racelab/sim"
	"racelab/sim/trace"
)

// broken lists what a run by a schedule broke, with the step.
func broken(t *testing.T, w *sim.World, schedule string) string {
	t.Helper()
	trace := trace.Record(w)
	play(t, w, schedule)
	var list []string
	for i, step := range trace.Steps {
		for _, v := range step.Broke {
			list = append(list, fmt.Sprintf("%d %s: %v", i+1, v.Property, v.Err))
		}
	}
	w.Close()
	return fmt.Sprint(list)
}

func TestDeadlockIsReportedOnceAndAsACircle(t *testing.T) {
	mix := op{"mix", 0}
	for _, test := range []struct {
		name     string
		program  [][]op
		schedule string
		want     string
	}{
		{
			"while another task runs on",
			[][]op{{{"lock", 0}, {"lock", 1}}, {{"lock", 1}, {"lock", 0}}, {mix, mix, mix}},
			"C mix; A lock; B lock; C mix#2; C mix#3",
			`[3 no-deadlock: A holds l.rw[0] for writing and wants l.rw[1] for writing (before "lock"); ` +
				`B holds l.rw[1] for writing and wants l.rw[0] for writing (before "lock")]`,
		},
		{
			"a reader that reads again",
			recursiveRead, "A rlock; B lock",
			`[2 no-deadlock: A holds l.rw[0] for reading and wants l.rw[0] for reading (before "rlock"); ` +
				`B holds l.rw[0] as its next writer and wants l.rw[0] for writing (before "lock (readers leave)")]`,
		},
		{
			"two readers that want to write",
			[][]op{{{"rlock", 0}, {"lock", 0}}, {{"rlock", 0}, {"lock", 0}}}, "A rlock; B rlock; B lock",
			`[3 no-deadlock: B holds l.rw[0] for reading and wants l.rw[0] for writing (before "lock (readers leave)")]`,
		},
		{
			"itself",
			[][]op{{{"lock", 0}, {"rlock", 0}}}, "A lock",
			`[1 no-deadlock: A holds l.rw[0] for writing and wants l.rw[0] for reading (before "rlock")]`,
		},
		{
			"over three tasks, from the first on",
			[][]op{{{"lock", 1}, {"rlock", 0}}, {{"rlock", 1}}, {{"rlock", 0}, {"lock", 1}}, {{"lock", 0}}}, "C rlock; D lock; A lock",
			`[3 no-deadlock: A holds l.rw[1] for writing and wants l.rw[0] for reading (before "rlock"); ` +
				`D holds l.rw[0] as its next writer and wants l.rw[0] for writing (before "lock (readers leave)"); ` +
				`C holds l.rw[0] for reading and wants l.rw[1] for writing (before "lock")]`,
		},
		{
			"no circle",
			[][]op{{{"rlock", 0}}, {{"lock", 0}}}, "A rlock; B lock",
			`[2 no-progress: B, before "lock (readers leave)", waits for l.rw[0], held by A, which has ended]`,
		},
	} {
		w, _ := performers(test.program, false)
		if got := broken(t, w, test.schedule); got != test.want {
			t.Errorf("%s: %s broke\n%s\nwant\n%s", test.name, test.schedule, got, test.want)
		}
	}
}

// Goal: a deadlock is found by the step that closes it, once, and nothing else
// is taken for one. Method: all steps of random programs. Tasks of a deadlock
// move in no state that can still be reached; one of them made the step; every
// way to an end with tasks left closes one, and no way to another end does.
func TestDeadlocksAreJustWhatNobodyLeaves(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	early := 0
	for range 250 {
		program := randomLocking(r)
		w, _ := performers(program, false)
		start := w.Fingerprint()
		states := visit(w, nil)
		moves := everMoves(states)
		for _, at := range states {
			for i, broke := range at.broke {
				mover, next := at.enabled[i].Actor, at.next[i]
				if len(broke) > 1 {
					t.Errorf("program %v: one step broke %v", program, broke)
				}
				for _, v := range broke {
					var deadlock *sim.DeadlockError
					if !errors.As(v.Err, &deadlock) {
						t.Fatalf("program %v: a step broke %s: %v; every task unlocks what it locks", program, v.Property, v.Err)
					}
					if len(states[next].enabled) > 0 {
						early++
					}
					if !slices.ContainsFunc(deadlock.Circle, func(t sim.Waiting) bool { return t.Task == mover }) {
						t.Errorf("program %v: a step of %s closed a circle without it: %v", program, mover, v.Err)
					}
					for _, waiting := range deadlock.Circle {
						if moves[next][waiting.Task] {
							t.Errorf("program %v: %v, and yet %s goes on", program, v.Err, waiting.Task)
						}
					}
				}
			}
		}
		for end, closed := range closings(states, start) {
			w.Load(states[end].state)
			if stuck := len(w.Unfinished()) > 0; stuck != (closed[0] > 0) || stuck != (closed[1] > 0) {
				t.Errorf("program %v: ways to an end that leaves %v close %v (at least, at most) deadlocks", program, w.Unfinished(), closed)
			}
		}
		w.Close()
	}
	if early < 20 {
		t.Errorf("%d deadlocks closed while others ran on; want 20, or the test shows little", early)
	}
}

// everMoves says which tasks can move in a state or one that can be reached
// from it. Runs have no circles here: each step brings a task on.
func everMoves(states map[uint64]*visited) map[uint64]map[string]bool {
	moves := map[uint64]map[string]bool{}
	var from func(s uint64) map[string]bool
	from = func(s uint64) map[string]bool {
		if moves[s] == nil {
			moves[s] = map[string]bool{}
			for i, e := range states[s].enabled {
				moves[s][e.Actor] = true
				for actor := range from(states[s].next[i]) {
					moves[s][actor] = true
				}
			}
		}
		return moves[s]
	}
	for s := range states {
		from(s)
	}
	return moves
}

// closings says, for each state at the end, how many steps that break something
// the ways there have, at least and at most.
func closings(states map[uint64]*visited, start uint64) map[uint64][2]int {
	before := map[uint64][][2]uint64{} // the steps that lead to a state: from where, and how many they break
	for s, at := range states {
		for i, next := range at.next {
			before[next] = append(before[next], [2]uint64{s, uint64(len(at.broke[i]))})
		}
	}
	known := map[uint64][2]int{start: {}}
	var to func(s uint64) [2]int
	to = func(s uint64) [2]int {
		if closed, ok := known[s]; ok {
			return closed
		}
		least, most := 1<<30, 0
		for _, step := range before[s] {
			closed := to(step[0])
			least, most = min(least, closed[0]+int(step[1])), max(most, closed[1]+int(step[1]))
		}
		known[s] = [2]int{least, most}
		return known[s]
	}
	ends := map[uint64][2]int{}
	for s, at := range states {
		if len(at.enabled) == 0 {
			ends[s] = to(s)
		}
	}
	return ends
}
