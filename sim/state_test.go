package sim_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
)

// Goal: what no state can hold is refused at the start, by its path; so is what is
// shared by value. Method: a task with a field of each sort.
func TestWhatNoStateCanHoldIsRefused(t *testing.T) {
	type inner struct{ M map[int]int }
	for _, test := range []struct {
		shared any
		want   string
	}{
		{&struct{ m map[int]int }{}, "sim: x.m is a map, whose order is random: use a slice"},
		{&struct{ c chan int }{}, "sim: x.c is a channel of Go's: use sim.Chan"},
		{&struct{ in *inner }{&inner{}}, "sim: x.in.M is a map"},
		{&struct{ any any }{map[int]int{}}, "sim: x.any is a map"},
		{&struct{ list []inner }{}, "sim: x.list is a []sim_test.inner, which no state can hold"},
		{&struct{ p uintptr }{}, "sim: x.p is a uintptr, which no state can hold"},
		{struct{ n int }{}, `sim: Share("x") wants a pointer, has struct`},
		{&struct {
			m map[int]int `sim:"config"`
			f func()
			a any
		}{}, "<nil>"},
	} {
		w := sim.NewWorld()
		got := fmt.Sprint(panicOf(func() {
			w.Share("x", test.shared)
			w.Enabled()
		}))
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%T: %s, want %s", test.shared, got, test.want)
		}
	}
}

// kinds has a field of each kind of state.
type kinds struct {
	Flag   bool
	small  int8
	middle uint16
	large  int32
	word   uint64
	ratio  float64
	text   string
	array  [2]int
	list   []int
	deep   [][]int32
	of     []struct {
		n    int8
		name string
		in   []bool
	}
	at   sim.Time
	next *kinds
	any  any
	Name string `sim:"config"`

	change func(k *kinds) // what its step does
}

func (k *kinds) Run(t *sim.Task) {
	t.Step("only")
	if k.change != nil {
		k.change(k)
	}
}

// Goal: each field counts, is put back by Load, and has its path. Method: change
// one field at a time, in a step, behind a pointer
// and an interface too.
func TestEachFieldIsState(t *testing.T) {
	changes := map[string]func(k *kinds){
		"A.Flag":           func(k *kinds) { k.Flag = true },
		"A.small":          func(k *kinds) { k.small = -1 },
		"A.middle":         func(k *kinds) { k.middle = 1 << 8 },
		"A.large":          func(k *kinds) { k.large = 1 << 16 },
		"A.word":           func(k *kinds) { k.word = 1 << 32 },
		"A.ratio":          func(k *kinds) { k.ratio = 0.5 },
		"A.text":           func(k *kinds) { k.text = "x" },
		"A.array[1]":       func(k *kinds) { k.array[1] = 1 },
		"A.list[0]":        func(k *kinds) { k.list = append(k.list, 0) },
		"A.deep[0][0]":     func(k *kinds) { k.deep = append(k.deep, []int32{0}) },
		"A.of[0].n":        func(k *kinds) { k.of = append(k.of, k.of[:1]...)[:1:1]; k.of[0].n = 7 },
		"A.of[0].name":     func(k *kinds) { k.of[0].name = "y" },
		"A.of[0].in[0]":    func(k *kinds) { k.of[0].in = append(k.of[0].in, true) },
		"A.at":             func(k *kinds) { k.at = 5 },
		"A.next.word":      func(k *kinds) { k.next.word = 1 },
		"A.next.any.small": func(k *kinds) { k.next.any.(*kinds).small = 1 },
	}
	for _, path := range slices.Sorted(maps.Keys(changes)) {
		k := &kinds{next: &kinds{any: &kinds{}}}
		k.next.next = k // A circle.
		k.of = make([]struct {
			n    int8
			name string
			in   []bool
		}, 1)
		w := sim.NewWorld()
		w.GoProgram("A", k)
		before, print, was := w.Save(), w.Fingerprint(), w.Fields()
		w.Take(0)
		end := w.Fingerprint()
		w.Load(before)
		k.change = changes[path]
		if w.Take(0); w.Fingerprint() == end {
			t.Errorf("%s: two states that differ there have one fingerprint", path)
		}
		if !slices.ContainsFunc(w.Fields(), func(f sim.Field) bool { return f.Path == path && !slices.Contains(was, f) }) {
			t.Errorf("%s is not among the fields, or has its old value", path)
		}
		w.Load(before)
		if got := w.Fields(); w.Fingerprint() != print || !slices.Equal(got, was) {
			t.Errorf("%s is not put back: %s", path, sim.FirstDifference(was, got))
		}
		w.Close()
	}
}

// rewirer turns a pointer round.
type rewirer struct {
	to   *int
	list []*int
	how  string `sim:"config"`
}

func (r *rewirer) Run(t *sim.Task) {
	t.Step("rewire")
	switch r.how {
	case "to":
		r.to = new(int)
	case "list":
		r.list = append(r.list, r.to)
	}
}

// Goal: a search says that wiring changed, and which.
func TestCheckStepFindsChangedWiring(t *testing.T) {
	for how, want := range map[string]string{"": "<nil>", "to": "A.to. Let a field", "list": "A.list. Let a field"} {
		w := sim.NewWorld()
		w.GoProgram("A", &rewirer{to: new(int), how: how})
		if got := fmt.Sprint(w.CheckStep(0)); !strings.Contains(got, want) {
			t.Errorf("rewires %q: %s, want %s", how, got, want)
		}
		w.Close()
	}
}

// fixture has what is fixed and what is not, in all places where it can be.
type fixture struct {
	state  int
	limit  int `sim:"config"`
	within struct {
		state int
		deep  [2]struct {
			state int
			limit int `sim:"config"`
		}
	}
	plain []struct{ state int }
	to    *int
	any   any
	call  func()
	parts []*part
	sizes []int `sim:"config"`

	change func(f *fixture) `sim:"config"`
}

type part struct {
	state int
	limit int `sim:"config"`
}

func (f *fixture) Run(t *sim.Task) {
	t.Step("only")
	f.change(f)
}

// Goal: the hash of what is fixed changes with each part of it, and with no part of the
// state.
func TestWiringHash(t *testing.T) {
	for name, test := range map[string]struct {
		fixed  bool
		change func(f *fixture)
	}{
		"nothing":              {false, func(*fixture) {}},
		"state":                {false, func(f *fixture) { f.state++ }},
		"state of a struct":    {false, func(f *fixture) { f.within.state++ }},
		"state of an array":    {false, func(f *fixture) { f.within.deep[1].state++ }},
		"state of a slice":     {false, func(f *fixture) { f.plain = append(f.plain, f.plain...) }},
		"state behind pointer": {false, func(f *fixture) { f.parts[1].state++ }},
		"number behind":        {false, func(f *fixture) { *f.to++ }},
		"config":               {true, func(f *fixture) { f.limit++ }},
		"config of an array":   {true, func(f *fixture) { f.within.deep[1].limit++ }},
		"config behind":        {true, func(f *fixture) { f.parts[1].limit++ }},
		"config, a slice":      {true, func(f *fixture) { f.sizes[0]++ }},
		"pointer":              {true, func(f *fixture) { f.to = new(int) }},
		"interface":            {true, func(f *fixture) { f.any = "text" }},
		"function":             {true, func(f *fixture) { f.call = nil }},
		"pointer in a slice":   {true, func(f *fixture) { f.parts[1] = &part{} }},
	} {
		f := &fixture{to: new(int), any: &part{}, call: func() {}, parts: []*part{{}, {}}, sizes: []int{1}, plain: make([]struct{ state int }, 1), change: test.change}
		w := sim.NewWorld()
		w.GoProgram("A", f)
		before := w.WiringHash()
		w.Take(0)
		if changed := w.WiringHash() != before; changed != test.fixed {
			t.Errorf("%s: the hash changes %v, want %v", name, changed, test.fixed)
		}
		w.Close()
	}
}

// queues loses its first queue, as a model does that serves it: the room behind the
// last one still holds the slice that has moved.
type queues struct{ waiting [][]int }

func (q *queues) Run(t *sim.Task) {
	t.Step("serve")
	q.waiting = append(q.waiting[:0], q.waiting[1:]...)
}

// Goal: two elements of a slice never share what they hold after a load.
func TestRoomOfASliceIsNobodys(t *testing.T) {
	q := &queues{waiting: [][]int{{1}, {2}}}
	w := sim.NewWorld()
	defer w.Close()
	w.GoProgram("A", q)
	before := w.Save()
	w.Take(0)
	w.Load(before)
	if got := fmt.Sprint(q.waiting); got != "[[1] [2]]" {
		t.Errorf("%s, want [[1] [2]]", got)
	}
}

// A lock that no walk reaches has no number, and using it says what to do.
func TestUseOfAnUnvisitedObjectIsNamed(t *testing.T) {
	l := &locked{}
	w := sim.NewWorld()
	w.GoProgram("A", &script{run: func(task *sim.Task, _ *script) {
		task.Step("lock")
		l.x.Set(task, 1)
	}})
	defer w.Close()
	if _, err := sim.Run(w, sim.NewWalk(1)); err == nil || !strings.Contains(err.Error(), "memory that nobody shared") {
		t.Errorf("%v, want a refusal that names the missing Share", err)
	}
}
