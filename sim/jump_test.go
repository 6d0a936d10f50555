package sim_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"racelab/sim"
)

// worker takes a lock, asks a node, and writes what it heard, a few times over.
type worker struct {
	*desk
	rounds int `sim:"config"`
	i      int
	heard  int
}

type desk struct {
	lock  sim.Mutex
	value sim.Var[int]
	conn  *sim.Conn
}

func (w *worker) Run(t *sim.Task) {
	for w.i = 0; w.i < w.rounds; w.i++ {
		w.lock.Lock(t.At("lock"))
		w.ask(t)
		t.Step("write")
		w.value.Set(t, w.value.Get(t)+w.heard)
		w.lock.Unlock(t)
		w.ask(t)
	}
}

func (w *worker) ask(t *sim.Task) {
	w.conn.Send(t, &message{"ask"})
	w.heard = len(sim.ContentsOf(w.conn.Receive(t.At("await"))))
}

func workers() *sim.World {
	w := sim.NewWorld()
	w.AddNode("echo", &echo{})
	d := &desk{conn: w.Dial("client", "echo")}
	w.Share("desk", d)
	for _, name := range []string{"A", "B", "C"} {
		w.GoProgram(name, &worker{desk: d, rounds: 2})
	}
	return w
}

// Goal: running on from a state that was loaded is running on from the state
// itself. Method: random runs, saved at each step; random jumps among the saved
// states; the same choices from there lead to the same fingerprints. Whatever
// the number of coroutines.
func TestRunningOnFromALoadedState(t *testing.T) {
	for _, coroutines := range []int{1, 2, 64} {
		w := workers()
		w.SetMaxCoroutines(coroutines)
		start := w.Save()
		type spot struct {
			state       *sim.Snapshot
			choices     []int
			fingerprint uint64
		}
		var spots []spot
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 0))
			w.Load(start)
			var choices []int
			for len(w.Enabled()) > 0 {
				i := random.IntN(len(w.Enabled()))
				choices = append(choices, i)
				w.Take(i)
				// How a task came somewhere is learned also where nothing is saved.
				fingerprint := w.Fingerprint()
				if random.IntN(3) == 0 {
					spots = append(spots, spot{w.Save(), append([]int(nil), choices...), fingerprint})
				}
			}
		}
		random := rand.New(rand.NewPCG(99, 0))
		for range 2000 {
			s := spots[random.IntN(len(spots))]
			w.Load(s.state)
			if w.Fingerprint() != s.fingerprint {
				t.Fatalf("%d coroutines: a loaded state has another fingerprint than the one that was saved", coroutines)
			}
			// Go on at random, and run the whole of it in a world of its own.
			choices := append([]int(nil), s.choices...)
			for range 5 {
				if len(w.Enabled()) == 0 {
					break
				}
				i := random.IntN(len(w.Enabled()))
				choices = append(choices, i)
				w.Take(i)
				w.Fingerprint()
			}
			fresh := workers()
			for _, i := range choices {
				fresh.Take(i)
			}
			if fresh.Fingerprint() != w.Fingerprint() {
				t.Fatalf("%d coroutines: running on from a loaded state came elsewhere than running from the start", coroutines)
			}
			fresh.Close()
		}
		w.Close()
	}
}

// Goal: a coroutine is driven by the way that its task took. Method: a task that
// comes to one point by one case, and to the next by another, with nothing saved
// between.
func TestDrivingTakesTheWayThatWasTaken(t *testing.T) {
	q := newWaitFixture()
	w := q.world(func(t *sim.Task) {
		t.At("choose").Select(q.chans[1].Sending(1), sim.SelectDefault())
		if t.At("again").Select(q.chans[1].Sending(2), sim.SelectDefault()) == nil {
			t.Step("came")
		}
	})
	defer w.Close()
	w.Save()
	w.Take(0)
	w.Take(0)
	if got := possible(w); got != "A came" {
		t.Fatalf("possible: %s", got)
	}
	if err := w.CheckStep(0); err != nil {
		t.Error(err)
	}
}

// careless does something that a search cannot know.
type careless struct {
	*desk
	how   string `sim:"config"`
	i     int
	other *careless
	field int
}

func (c *careless) Run(t *sim.Task) {
	carried := 0
	for c.i = 0; c.i < 3; c.i++ {
		t.Step("step")
		switch c.how {
		case "carries a local":
			c.field = carried
			carried = c.field*2 + 1
		case "writes another's field":
			c.other.field++
		case "reads without saying so":
			c.field = c.value.Peek()
		case "is careful":
			c.value.Set(t, c.value.Get(t)+1)
		}
	}
}

// Goal: what breaks the premises of a search is found. Method: a task that
// breaks each.
func TestCheckStepFindsWhatASearchCannotKnow(t *testing.T) {
	for _, test := range []struct{ how, want string }{
		{"is careful", ""},
		{"carries a local", "comes to another state"},
		{"writes another's field", "changed B without recording it"},
		{"reads without saying so", "variables that it does not touch"},
	} {
		w := sim.NewWorld()
		d := &desk{}
		w.Share("desk", d)
		a, b := &careless{desk: d, how: test.how}, &careless{desk: d, how: "is careful"}
		a.other = b
		w.GoProgram("A", a)
		w.GoProgram("B", b)
		found := ""
		for range 3 {
			// A runs alone for a while, so that its coroutine has a past.
			if err := w.CheckStep(0); err != nil {
				found = err.Error()
				break
			}
		}
		if (found == "") != (test.want == "") || !strings.Contains(found, test.want) {
			t.Errorf("a task that %s: CheckStep says %q, want %q", test.how, found, test.want)
		}
		w.Close()
	}
}
