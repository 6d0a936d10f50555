package sim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
)

// rebased fits an old schedule to a program of racers, and checks that the
// result can be played.
func rebased(t *testing.T, build func() *sim.World, old string) *explore.Rebased {
	t.Helper()
	schedule, err := sim.ParseSchedule(old)
	if err != nil {
		t.Fatal(err)
	}
	w := build()
	fit := explore.Rebase(w, schedule)
	w.Close()
	w = build()
	defer w.Close()
	if _, err := sim.Run(w, sim.NewReplay(fit.Schedule)); err != nil {
		t.Errorf("%s, made to fit, does not: %v", old, err)
	}
	return fit
}

// pointed is a task whose operations are points, or "+" and "-" for a lock
// that all share.
type pointed struct {
	lock *sim.Mutex
	ops  []string `sim:"config"`
	i    int
}

func (p *pointed) Run(t *sim.Task) {
	for p.i = 0; p.i < len(p.ops); p.i++ {
		p.perform(t)
	}
}

func (p *pointed) perform(t *sim.Task) {
	switch point := p.ops[p.i]; point {
	case "+":
		p.lock.Lock(t.At("lock"))
	case "-":
		p.lock.Unlock(t)
	default:
		t.Step(string(point))
	}
}

func points(program ...string) func() *sim.World {
	return func() *sim.World {
		l := &locked{}
		w := sim.NewWorld()
		w.Share("l", l)
		for i, ops := range program {
			w.GoProgram(string(rune('A'+i)), &pointed{lock: &l.lock, ops: strings.Fields(ops)})
		}
		return w
	}
}

func TestRebase(t *testing.T) {
	for _, test := range []struct {
		name, old  string
		program    []string
		want, says string
	}{
		{"nothing edited", "A x; B x; A y; B y", []string{"x y", "x y"}, "A x; B x; A y; B y", "4 of 4 events of the schedule fit"},
		{"a point added", "A x\nB x\nA y\nB y", []string{"x new y", "x y"}, "A x; B x; A new; A y; B y",
			"4 of 4 events of the schedule fit; inserted: A new (before line 3)"},
		{"a point added that is never needed", "A x\nB x", []string{"x new y", "x y"}, "A x; B x", "2 of 2 events of the schedule fit"},
		{"a point taken away", "A x\nB x\nA y\nB y", []string{"x z", "x y"}, "A x; B x; B y", "3 of 4 events of the schedule fit; skipped: A y (line 3)"},
		{"taken away, and more to come", "A x\nA y\nA z\nB x", []string{"x z", "x"}, "A x; A z; B x", "3 of 4 events of the schedule fit; skipped: A y (line 2)"},
		{"the last one taken away", "A x\nA y", []string{"x z z z"}, "A x", "1 of 2 events of the schedule fit; skipped: A y (line 2)"},
		{"the program was cut", "A x\nA y\nA z\nB x", []string{"x", "x"}, "A x; B x", "2 of 4 events of the schedule fit; skipped: A y (line 2), A z (line 3)"},
		{"a point renamed", "A x\nA y\nA z", []string{"x why z"}, "A x; A why; A z",
			"2 of 3 events of the schedule fit; skipped: A y (line 2); inserted: A why (before line 3)"},
		{"a point added where another waits", "A lock\nB lock", []string{"+ new -", "+ -"}, "A lock; A new; B lock",
			"2 of 2 events of the schedule fit; inserted: A new (before line 2)"},
		{"a lock added: the order has become impossible", "A x\nB x\nA y\nB y", []string{"+ x y -", "+ x y -"},
			"A lock; A x; A y; B lock; B x; B y",
			"4 of 4 events of the schedule fit; late: B x (line 2); inserted: A lock (before line 1), B lock (before line 2)"},
		{"held up by what comes later", "A lock\nB lock\nA y", []string{"+ y -", "+ -"}, "A lock; A y; B lock",
			"3 of 3 events of the schedule fit; late: B lock (line 2)"},
		{"a loop goes round once more", "A x\nA y\nA x#2\nA y#2", []string{"x x y x y"}, "A x; A x#2; A y",
			"3 of 4 events of the schedule fit; skipped: A y (line 2)"},
		{"too far away", "A x\nA y\nB x", []string{"x 1 2 3 4 5 6 7 8 9 y", "x"}, "A x; B x", "2 of 3 events of the schedule fit; skipped: A y (line 2)"},
		{"just not too far away", "A x\nA y", []string{"x 1 2 3 4 5 6 7 8 y"}, "A x; A 1; A 2; A 3; A 4; A 5; A 6; A 7; A 8; A y",
			"2 of 2 events of the schedule fit; inserted: A 1 (before line 2), A 2 (before line 2), A 3 (before line 2), A 4 (before line 2), " +
				"A 5 (before line 2), A 6 (before line 2), A 7 (before line 2), A 8 (before line 2)"},
		{"foreign", "G0 send\nG1 send\nG0->coordinator OffsetCommit", []string{"x y", "x y"}, "", "0 of 3 events of the schedule fit; " +
			"skipped: G0 send (line 1), G1 send (line 2), G0->coordinator OffsetCommit (line 3)"},
	} {
		fit := rebased(t, points(test.program...), test.old)
		if fit.Schedule.String() != test.want || fit.String() != test.says {
			t.Errorf("%s: %v fits as\n%v\n%v\nwant\n%v\n%v", test.name, test.old, fit.Schedule, fit, test.want, test.says)
		}
		if fit.Whole() != (test.name == "nothing edited" || strings.HasSuffix(test.name, "never needed")) {
			t.Errorf("%s: Whole() = %v", test.name, fit.Whole())
		}
	}
}

// Goal: a request that was added, and its answer, are inserted too.
func TestRebaseInsertsMessages(t *testing.T) {
	build := func(program ...string) func() *sim.World {
		return func() *sim.World {
			w, _ := race(program)
			return w
		}
	}
	old := "A start; B start; A/c0->node Ping; A receive; B next"
	fit := rebased(t, build("send1 , send0 receive0", ", "), old)
	if want := "A start; B start; A next; A/c0->node Ping; A receive; B next"; fit.Schedule.String() != want {
		t.Errorf("%s fits as %v, want %s (%v)", old, fit.Schedule, want, fit)
	}
}

// Goal: every schedule fits the program that it is of, and a program with a
// point added anywhere does all that its schedules say, in their order.
func TestRebaseOfRandomSchedules(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	for range 200 {
		program := []string{"+ x - y", "x + y z -", "y x"}[:2+r.IntN(2)]
		w := points(program...)()
		trace := trace.Record(w)
		if _, err := sim.Run(w, sim.NewWalk(r.Uint64())); err != nil {
			t.Fatal(err)
		}
		w.Close()
		fit := rebased(t, points(program...), trace.Schedule.Lines())
		if !fit.Whole() || fit.Schedule.String() != trace.Schedule.String() {
			t.Fatalf("program %q: %v fits as %v: %v", program, trace.Schedule, fit.Schedule, fit)
		}
		edited := slices.Clone(program)
		which := r.IntN(len(edited))
		ops := strings.Fields(edited[which])
		edited[which] = strings.Join(slices.Insert(ops, r.IntN(len(ops)), "new"), " ")
		fit = rebased(t, points(edited...), trace.Schedule.Lines())
		var kept []string
		for _, step := range fit.Schedule {
			if step.Label != "new" {
				kept = append(kept, step.String())
			}
		}
		if got := strings.Join(kept, "; "); got != trace.Schedule.String() || len(fit.Inserted) > 1 || len(fit.Skipped) > 0 {
			t.Fatalf("program %q: %v fits as %v: %v", edited, trace.Schedule, fit.Schedule, fmt.Sprint(fit))
		}
	}
}
