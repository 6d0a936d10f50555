package view_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
	"racelab/sim/trace"
	"racelab/sim/view"
)

type msg struct{ name, text string }

func (m *msg) Name() string   { return m.name }
func (m *msg) String() string { return m.text }

type coord struct {
	c      *sim.Conn
	Parked sim.Envelope
	state  int
}

func (n *coord) Handle(e sim.Envelope, out *sim.Outbox) {
	if e.Request == nil {
		n.state = 1
		out.Reply(e, &msg{"EndTxn", "ok"})
		out.Send(n.c, &msg{"WriteTxnMarkers", "{P0: commit}"})
		return
	}
	if e.Message == sim.ErrBroken {
		n.state = 2
		out.After(0, 1)
		return
	}
	n.state = 3
}
func (n *coord) Timers() []string { return []string{"retry"} }
func (n *coord) Expire(_ int, out *sim.Outbox) {
	out.Send(n.c, &msg{"WriteTxnMarkers", "{P0: commit}"})
}
func (n *coord) Describe(show func(name, value string)) {
	show("T", []string{"Ongoing", "PrepareCommit", "PrepareCommit (retry)", "CompleteCommit"}[n.state])
}

type brk struct{}

func (brk) Handle(e sim.Envelope, out *sim.Outbox) { out.Reply(e, &msg{sim.NameOf(e.Message), "ok"}) }

type app struct {
	c *sim.Conn
	n int
}

func (a *app) Run(t *sim.Task) {
	t.Step("end")
	a.c.Send(t, &msg{"EndTxn", "{commit}"})
	a.n++
	a.c.Receive(t.At("await"))
}

// Nodes that ask nodes have arrows; what a node is told is lost, and its timers,
// stand in its lane; a process crashes in all its lanes.
func TestNodesAndProcesses(t *testing.T) {
	w := sim.NewWorld()
	n := &coord{}
	w.AddNode("coordinator", n)
	w.AddNode("broker", brk{})
	n.c = w.Dial("coordinator", "broker")
	w.GoProgram("app", &app{c: w.Dial("client", "coordinator")})
	w.GoProgram("heartbeat", &app{c: w.Dial("client2", "coordinator")})
	w.Process("producer", "app", "heartbeat", "client", "client2")
	w.Allow(sim.Faults{Cuts: 1, ProcessCrashes: 1})
	s, err := sim.ParseSchedule(`app end; app/client->coordinator EndTxn; network cut coordinator->broker; producer crash
		broker->coordinator cut; coordinator.retry fires; coordinator->broker/2 WriteTxnMarkers; producer restart
		broker->coordinator/2 WriteTxnMarkers response`)
	if err != nil {
		t.Fatal(err)
	}
	trace := trace.Record(w)
	defer w.Close()
	if _, err := sim.Run(w, sim.NewReplay(s)); err != nil {
		t.Fatal(err)
	}
	r := &view.Report{Title: "example", Trace: trace}
	run := r.AsJSON()
	for i, lane := range []view.LaneJSON{{"app", "task", "producer"}, {"heartbeat", "task", "producer"}, {"coordinator", "node", ""}, {"broker", "node", ""}, {"network", "network", ""}} {
		if run.Lanes[i] != lane {
			t.Errorf("lane %d is %v, want %v", i, run.Lanes[i], lane)
		}
	}
	for i, step := range run.Steps {
		if !slices.Contains(step.Choices, step.Event) {
			t.Errorf("step %d is %s, of %v", i+1, step.Event, step.Choices)
		}
	}
	for step, sent := range map[int]int{2: 1, 7: 6, 9: 7} { // What step 2 sent is lost.
		if got := run.Steps[step-1].Acts[0].SentAt; got != sent {
			t.Errorf("what step %d takes was sent at %d, want %d", step, got, sent)
		}
	}
	var text, mermaid strings.Builder
	if err := view.Text(&text, r, view.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := view.Mermaid(&mermaid, r, view.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ is, want string }{
		{text.String(), `
     app                heartbeat          coordinator                 broker  network
  1  ● end: {commit} ▷  │                  │                           │       │
  2  ├──────────────────┼─────────────────▶● app/client->coordinator EndTxn: {commit}
     │                  │                  │ WriteTxnMarkers {P0: commit} ▷, T Ongoing →
     │                  │                  │ PrepareCommit             │       │
  3  │                  │                  │   network cut coordinator->broker ○
  4  ○ producer crash   ○ producer crash   │                           │       │
  5  │                  │                  ○ broker->coordinator cut: WriteTxnMarkers {P0: commit},
     │                  │                  │ T PrepareCommit → PrepareCommit (retry)
  6  │                  │                  ○ coordinator.retry fires: WriteTxnMarkers {P0: commit} ▷
  7  │                  │                  ├──────────────────────────▶●       │
     │             coordinator->broker/2 WriteTxnMarkers: {P0: commit} │       │
  8  ○ producer restart ○ producer restart │                           │       │
  9  │                  │                  ●◀──────────────────────────┤       │
     │                  │                  │ broker->coordinator/2 WriteTxnMarkers response: ok
     │                  │                  │ T PrepareCommit (retry) → CompleteCommit
`},
		{mermaid.String(), `
  Note over p4: 3 network cut coordinator-#62;broker
  Note over p0: 4 producer crash
  Note over p1: 4 producer crash
  Note over p2: 5 broker-#62;coordinator cut:<br/>WriteTxnMarkers #123;P0: commit#125;, T<br/>PrepareCommit → PrepareCommit (retry)
  Note over p2: 6 coordinator.retry fires:<br/>WriteTxnMarkers #123;P0: commit#125; ▷
  p2->>p3: 7 coordinator-#62;broker/2 WriteTxnMarkers: #123;P0: commit#125;
  Note over p0: 8 producer restart
  Note over p1: 8 producer restart
  p3-->>p2: 9 broker-#62;coordinator/2 WriteTxnMarkers response: ok
  Note right of p2: T PrepareCommit (retry) → CompleteCommit
`},
	} {
		if !strings.Contains(test.is, test.want) {
			t.Errorf("picture:\n%s\nwant in it:%s", test.is, test.want)
		}
	}
}

// Goal: in a timed world the picture says when, once for each moment; in others
// there is no such column, as a moment means nothing there.
func TestTimesStandAtTheLeft(t *testing.T) {
	step := func(at sim.Time) trace.Step {
		return trace.Step{Step: sim.Step{Actor: "t", Label: "go", Occurrence: 1}, Lane: "t", At: at}
	}
	draw := func(steps ...trace.Step) string {
		var b strings.Builder
		if err := view.Text(&b, &view.Report{Title: "x", Trace: &trace.Trace{Lanes: []trace.Lane{{Name: "t"}}, Steps: steps}}, view.Options{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const ms = sim.Time(time.Millisecond)
	timed := "            t\n  1     0s  ● go\n2-3  3.5ms  ● go, go\n  4   20ms  ● go\n"
	if got := draw(step(0), step(7*ms/2), step(7*ms/2), step(20*ms)); !strings.Contains(got, timed) {
		t.Errorf("with times:\n%s\nwant\n%s", got, timed)
	}
	untimed := "     t\n1-2  ● go, go\n"
	if got := draw(step(sim.Never), step(sim.Never)); !strings.Contains(got, untimed) {
		t.Errorf("without times:\n%s\nwant\n%s", got, untimed)
	}
}
