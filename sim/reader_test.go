package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"racelab/sim"
)

// office is a client whose tasks ask on two connections, under a lock each, and
// hand a promise to the reader of the connection, as Sarama's Broker does.
type office struct {
	conns    [2]*sim.Conn
	locks    [2]sim.Mutex
	promises [2]sim.Chan[int] // who has asked
	answers  [3]sim.Chan[int] // by who has asked: 0 is Cut
	unlocked bool             `sim:"config"`
}

// asker asks once, and notes what it is told.
type asker struct {
	*office
	me, conn int `sim:"config"`
	told     int
}

func (a *asker) Run(t *sim.Task) {
	if a.unlocked {
		t.Step("send")
	} else {
		a.locks[a.conn].Lock(t.At("lock"))
	}
	a.conns[a.conn].Send(t, &message{fmt.Sprint(a.me + 1)})
	a.promises[a.conn].Send(t.At("promise"), a.me)
	if !a.unlocked {
		a.locks[a.conn].Unlock(t)
	}
	n, _ := a.answers[a.me].Receive(t.At("await"))
	a.told = n
}

// reader is a response reader. Once its connection is dead it reads no more.
type reader struct {
	*office
	conn, asks int `sim:"config"`
	dead       bool
	to, i      int
}

func (r *reader) Run(t *sim.Task) {
	for r.i = 0; r.i < r.asks; r.i++ {
		to, _ := r.promises[r.conn].Receive(t.At("next promise"))
		if r.to = to; r.dead {
			r.answers[r.to].Send(t.At("dead"), 0)
			continue
		}
		response := r.conns[r.conn].ReceiveAny(t.At("read"))
		n := 0
		if response == sim.ErrBroken {
			r.dead = true
		} else {
			fmt.Sscanf(sim.ContentsOf(response), "re %d", &n)
		}
		r.answers[r.to].Send(t.At("answer"), n)
	}
}

// offices has two askers and a reader on one connection, and one of each on the
// other.
func offices(unlocked bool, b sim.Faults, timed bool) (*sim.World, []*asker) {
	o := &office{unlocked: unlocked}
	w := sim.NewWorld()
	w.AddNode("node", &echo{})
	var askers []*asker
	for i := range o.conns {
		o.conns[i] = w.Dial(fmt.Sprint("c", i), "node")
		o.promises[i].Init(1)
	}
	for i := range o.answers {
		o.answers[i].Init(0)
		askers = append(askers, &asker{office: o, me: i, conn: i / 2})
	}
	w.Share("o", o)
	for i, a := range askers {
		w.GoProgram(string(rune('A'+i)), a)
	}
	w.GoProgram("R0", &reader{office: o, conn: 0, asks: 2})
	w.GoProgram("R1", &reader{office: o, conn: 1, asks: 1})
	if timed {
		w.Timed(sim.Timing{Seed: 1, Latency: sim.Constant(5 * ms), Step: sim.Constant(ms)})
	}
	w.Allow(b)
	return w, askers
}

// A reader takes responses in the order of the requests: with promises under the
// lock each task is told what it asked, and without, not always. A cut ends the
// connection that it meets, and no other.
func TestAReaderReadsForAll(t *testing.T) {
	for _, test := range []struct {
		name     string
		unlocked bool
		timed    bool
		budget   sim.Faults
		want     []string // what the three are told, in all runs
	}{
		{"locked", false, false, sim.Faults{}, []string{"[1 2 3]"}},
		{"timed", false, true, sim.Faults{}, []string{"[1 2 3]"}},
		{"unlocked", true, false, sim.Faults{}, []string{"[1 2 3]", "[2 1 3]"}},
		{"cut", false, false, sim.Faults{Cuts: 1}, []string{"[0 0 3]", "[0 2 3]", "[1 0 3]", "[1 2 0]", "[1 2 3]"}},
	} {
		seen := map[string]bool{}
		for seed := range uint64(1500) {
			w, askers := offices(test.unlocked, test.budget, test.timed)
			ending, err := sim.Run(w, sim.NewWalk(seed))
			if err != nil || ending != sim.Finished {
				t.Fatalf("%s, seed %d: %s, %v, %v left", test.name, seed, ending, err, w.Unfinished())
			}
			w.Close()
			seen[fmt.Sprint([]int{askers[0].told, askers[1].told, askers[2].told})] = true
		}
		var got []string
		for told := range seen {
			got = append(got, told)
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: told %v, want %v", test.name, got, test.want)
		}
	}
}

func TestReadersAndChannelsAreSavedAndRestored(t *testing.T) {
	for seed := range uint64(60) {
		sameAfterLoad(t, fmt.Sprintf("seed %d", seed), func() *sim.World {
			w, _ := offices(seed%2 == 0, sim.Faults{Cuts: 1}, seed%3 == 0)
			return w
		}, seed)
	}
}
