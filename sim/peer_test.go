package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// transactions is a coordinator: each request makes it ask the broker for
// markers, and is answered once those are written. What was not written it
// asks for again when its timer expires.
type transactions struct {
	markers *sim.Conn
	parked  []sim.Envelope
	retries int
	told    []string `sim:"config"` // what a test looks at afterwards
}

func (n *transactions) Handle(e sim.Envelope, out *sim.Outbox) {
	switch {
	case e.Request == nil:
		n.parked = append(n.parked, e)
		out.Send(n.markers, &message{"markers " + sim.ContentsOf(e.Message)})
	case e.Message == sim.ErrBroken:
		n.retries++
		out.After(0, 20*ms)
	default:
		n.told = append(n.told, fmt.Sprintf("%s by %s: %s", e.Request, e.From(), e.Message))
		out.Reply(n.parked[0], &message{"done"})
		n.parked = append(n.parked[:0], n.parked[1:]...)
	}
}
func (n *transactions) Timers() []string { return []string{"retry"} }
func (n *transactions) Expire(_ int, out *sim.Outbox) {
	for ; n.retries > 0; n.retries-- {
		out.Send(n.markers, &message{"markers again"})
	}
}
func (n *transactions) Crash() { n.parked, n.retries = n.parked[:0], 0 }

// clients end transactions, each on a connection of its own.
func buildTransactions(clients int, b sim.Faults, timing *sim.Timing) func() *sim.World {
	return func() *sim.World {
		w := sim.NewWorld()
		n := &transactions{}
		w.AddNode("coordinator", n)
		w.AddNode("broker", &ledger{})
		n.markers = w.Dial("coordinator", "broker")
		for i := range clients {
			name := fmt.Sprint("P", i)
			w.GoProgram(name, &pinger{c: w.Dial(name, "coordinator"), n: 1})
		}
		if timing != nil {
			w.Timed(*timing)
		}
		w.Allow(b)
		return w
	}
}

// A node asks another and gets the answer, with what it asked, as its own step;
// the first of two requests is the first to be answered.
func TestNodesAskNodes(t *testing.T) {
	w := buildTransactions(2, sim.Faults{}, nil)()
	trace, ending := run(t, w, schedule(t, `P1 send; P0 send; P1->coordinator Ping; P0->coordinator Ping;
		coordinator->broker Ping; coordinator->broker Ping#2; broker->coordinator Ping response; P1 await;
		broker->coordinator Ping response#2; P0 await`))
	if ending != sim.Finished {
		t.Errorf("run ended by %q", ending)
	}
	var got []string
	for _, step := range trace.Steps {
		for _, act := range step.Acts {
			if act.Actor == "coordinator" || act.Peer == "coordinator" && act.Actor == "broker" {
				text := fmt.Sprintf("%s %v %s", act.Actor, act.Action, act.Message)
				if act.Request != nil {
					text += fmt.Sprintf(" to %s", act.Request)
				}
				got = append(got, text)
			}
		}
	}
	want := `coordinator arrived 0
coordinator sent markers 0
coordinator arrived 0
coordinator sent markers 0
broker arrived markers 0
broker answered 1 to markers 0
broker arrived markers 0
broker answered 2 to markers 0
coordinator received 1 to markers 0
coordinator answered done to 0
coordinator received 2 to markers 0
coordinator answered done to 0`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("acts:\n%s\nwant:\n%s", text, want)
	}
	for _, step := range trace.Steps {
		if lane := map[string]string{"coordinator->broker": "broker", "broker->coordinator": "coordinator"}[step.Actor]; lane != "" && step.Lane != lane {
			t.Errorf("%v is in the lane of %s, want %s", step.Step, step.Lane, lane)
		}
	}
}

// A connection that a node has dialled is cut where that loses something, and not elsewhere.
func TestCutOfWhatANodeHasDialledLosesSomething(t *testing.T) {
	for _, test := range []struct{ name, does, cuts string }{
		{"nothing is on its way", "P0 send", ""},
		{"a request is", "P0 send; P0->coordinator Ping", "network cut coordinator->broker; network cut broker->coordinator"},
		{"an answer is", "P0 send; P0->coordinator Ping; coordinator->broker Ping", "network cut broker->coordinator"},
		{"that is over", "P0 send; P0->coordinator Ping; coordinator->broker Ping; broker->coordinator Ping response", ""},
	} {
		w := buildTransactions(1, sim.Faults{Cuts: 1}, nil)()
		if _, err := sim.Run(w, schedule(t, test.does)); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		var got []string
		for _, e := range w.Enabled() {
			if e.Actor == "network" && strings.Contains(e.Label, "broker") {
				got = append(got, e.String())
			}
		}
		if got := strings.Join(got, "; "); got != test.cuts {
			t.Errorf("%s: %q, want %q", test.name, got, test.cuts)
		}
		w.Close()
	}
}

// What a node asked comes back as Cut if it cannot be answered any more; what it
// asks then goes out on a new connection, once the other one is there.
func TestWhatANodeAskedMeetsFaults(t *testing.T) {
	for _, test := range []struct{ name, does, possible string }{
		{"a request is lost", "P0 send; P0->coordinator Ping; network cut coordinator->broker",
			"broker->coordinator cut; broker crash; coordinator crash"},
		{"it goes again on a new connection", "P0 send; P0->coordinator Ping; network cut coordinator->broker; broker->coordinator cut; coordinator.retry fires",
			"coordinator->broker/2 Ping; broker crash; coordinator crash"},
		{"an answer is lost", "P0 send; P0->coordinator Ping; coordinator->broker Ping; network cut broker->coordinator",
			"broker->coordinator cut; broker crash; coordinator crash"},
		{"the other one crashes", "P0 send; P0->coordinator Ping; broker crash",
			"broker->coordinator cut; broker restart; coordinator crash"},
		{"and is down when it is asked again", "P0 send; P0->coordinator Ping; broker crash; broker->coordinator cut; coordinator.retry fires",
			"broker->coordinator cut; broker restart; coordinator crash"},
		{"whoever asked crashes: the request may arrive", "P0 send; P0->coordinator Ping; coordinator crash",
			"P0 await; coordinator->broker Ping; coordinator restart; broker crash"},
		{"and its answer does not", "P0 send; P0->coordinator Ping; coordinator crash; coordinator->broker Ping; coordinator restart",
			"P0 await; broker crash; coordinator crash"},
		{"an answer on its way is lost", "P0 send; P0->coordinator Ping; coordinator->broker Ping; coordinator crash; coordinator restart",
			"P0 await; broker crash; coordinator crash"},
	} {
		w := buildTransactions(1, sim.Faults{NodeCrashes: 2, Cuts: 1}, nil)()
		if _, err := sim.Run(w, schedule(t, test.does)); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		var got []string
		for _, e := range w.Enabled() {
			if e.Actor != "network" {
				got = append(got, e.String())
			}
		}
		want := strings.Split(test.possible, "; ")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: possible: %v; want %v", test.name, got, want)
		}
		w.Close()
	}
}

// In timed mode a node's request leaves when the node is through with what made
// it ask, and takes its connection's latency, there and back.
func TestNodesAskNodesInTime(t *testing.T) {
	w := buildTransactions(1, sim.Faults{}, &sim.Timing{
		Latency: sim.Constant(10 * ms), Service: sim.Constant(ms),
		Overrides: []sim.DelayOverride{{Of: "broker->coordinator", Delay: sim.Constant(30 * ms)}},
	})()
	trace, _ := run(t, w, sim.NewWalk(1))
	var got []string
	for _, step := range trace.Steps {
		got = append(got, fmt.Sprintf("%s %d", step.Step, step.At.Sub(0).Milliseconds()))
	}
	want := "P0 send 0, P0->coordinator Ping 10, coordinator->broker Ping 21, broker->coordinator Ping response 52, P0 await 63"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("steps at ms: %s\nwant %s", text, want)
	}
}

func TestNodesThatAskAreSavedAndRestored(t *testing.T) {
	for seed := range uint64(30) {
		b := sim.Faults{NodeCrashes: 1, Cuts: 2}
		sameAfterLoad(t, fmt.Sprintf("seed %d", seed), buildTransactions(2, b, nil), seed)
		sameAfterLoad(t, fmt.Sprintf("timed, seed %d", seed), buildTransactions(2, b, &sim.Timing{
			Latency: sim.Constant(10 * ms), Service: sim.Constant(ms),
		}), seed)
	}
}

// A node sends on its own connections only, dials each other node once, and
// does not keep an answer.
func TestNodesAskAsTheyMay(t *testing.T) {
	for want, wire := range map[string]func(w *sim.World){
		"dials broker twice":      func(w *sim.World) { w.Dial("broker", "broker"); w.Dial("broker", "broker") },
		"late dials before it is": func(w *sim.World) { w.Dial("late", "broker"); w.AddNode("late", &ledger{}) },
		"on the connection of P0:": func(w *sim.World) {
			w.AddNode("node", &transactions{markers: w.Dial("P0", "broker")})
			w.GoProgram("A", &pinger{c: w.Dial("A", "node"), n: 1})
		},
		"A sends on the connection of n": func(w *sim.World) {
			w.AddNode("n", &ledger{})
			w.GoProgram("A", &pinger{c: w.Dial("n", "broker"), n: 1})
		},
	} {
		w := sim.NewWorld()
		w.AddNode("broker", &ledger{})
		if got := panicOf(func() {
			wire(w)
			if _, err := sim.Run(w, sim.NewWalk(1)); err != nil {
				panic(err)
			}
		}); !strings.Contains(got, want) {
			t.Errorf("%s: panic %q", want, got)
		}
		w.Close()
	}
}

// quota is a broker that answers at once and then does not listen for a while.
type quota struct {
	served int
	muted  []sim.Envelope // by timer
}

func (n *quota) Handle(e sim.Envelope, out *sim.Outbox) {
	n.served++
	out.Reply(e, &message{fmt.Sprint(n.served)})
	timer := slices.Index(n.Timers(), "unmute-"+e.From())
	n.muted[timer] = e
	out.Mute(e)
	out.After(timer, 100*ms)
}
func (n *quota) Timers() []string                  { return []string{"unmute-A", "unmute-B"} }
func (n *quota) Expire(timer int, out *sim.Outbox) { out.Unmute(n.muted[timer]) }

func buildQuota(b sim.Faults) *sim.World {
	w := sim.NewWorld()
	w.AddNode("broker", &quota{muted: make([]sim.Envelope, 2)})
	for _, name := range []string{"A", "B"} {
		w.GoProgram(name, &pinger{c: w.Dial(name, "broker"), n: 2})
	}
	w.Allow(b)
	return w
}

// A connection that is muted keeps what comes; others go on. A fault ends it.
func TestMute(t *testing.T) {
	for _, test := range []struct{ does, possible string }{
		{"A send; A->broker Ping; A await; A send#2", "B send; broker.unmute-A fires"},
		{"A send; A->broker Ping; A await; A send#2; B send", "B->broker Ping; broker.unmute-A fires"},
		{"A send; A->broker Ping; A await; A send#2; broker.unmute-A fires", "B send; A->broker Ping"},
		{"A send; A->broker Ping; A await; network cut A->broker; A send#2; A await#2; A redial; A send#3", "B send; A->broker/2 Ping; broker.unmute-A fires"},
		{"A send; A->broker Ping; A await; network cut A->broker; broker.unmute-A fires", "A send; B send"},
	} {
		w := buildQuota(sim.Faults{Cuts: 1})
		if _, err := sim.Run(w, schedule(t, test.does)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range w.Enabled() {
			if e.Actor != "network" {
				got = append(got, e.String())
			}
		}
		if text := strings.Join(got, "; "); text != test.possible {
			t.Errorf("%s: possible: %s; want %s", test.does, text, test.possible)
		}
		w.Close()
	}
}

// In timed mode a request that came while the connection was muted is read the
// moment that ends.
func TestMuteInTime(t *testing.T) {
	w := buildQuota(sim.Faults{})
	w.Timed(sim.Timing{Latency: sim.Constant(10 * ms)})
	trace, ending := run(t, w, sim.NewWalk(1))
	var got []string
	for _, step := range trace.Steps {
		if strings.HasPrefix(step.Actor, "A->") || step.Actor == "broker.unmute-A" {
			got = append(got, fmt.Sprintf("%s %d", step.Step, step.At.Sub(0).Milliseconds()))
		}
	}
	want := "A->broker Ping 10, broker.unmute-A fires 110, A->broker Ping#2 110, broker.unmute-A fires#2 210"
	if text := strings.Join(got, ", "); text != want || ending != sim.Finished {
		t.Errorf("%s, %s; want %s", ending, text, want)
	}
}

func TestMutedConnectionsAreSavedAndRestored(t *testing.T) {
	build := func() *sim.World { return buildQuota(sim.Faults{Cuts: 1, NodeCrashes: 1}) }
	for seed := range uint64(30) {
		sameAfterLoad(t, fmt.Sprintf("seed %d", seed), build, seed)
	}
	if r := statesOf(t, func() *sim.World { return buildQuota(sim.Faults{}) }); r.Verdict(sim.NoProgress).Outcome == explore.Broken {
		t.Errorf("stuck: %v", r.Verdict(sim.NoProgress).Schedule)
	}
}
