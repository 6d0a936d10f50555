package explore

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/sim"
)

// peer tells another one how often its timer has fired, which is armed before the first
// step. A crash loses what it has counted, and when that was.
type peer struct {
	to       *sim.Conn     // nil: it tells nobody
	patience time.Duration `sim:"config"`
	fires    int           `sim:"config"`

	fired, sum, lost, broken int
}

func (*peer) Timers() []string        { return []string{"patience"} }
func (p *peer) Start(out *sim.Outbox) { out.After(0, p.patience) }
func (p *peer) Crash()                { p.sum, p.lost = 0, p.lost+p.fired+10*p.sum }
func (p *peer) Expire(_ int, out *sim.Outbox) {
	if p.fired++; p.fired < p.fires {
		out.After(0, p.patience)
	}
	if p.to != nil {
		out.Send(p.to, &number{0, p.fired})
	}
}
func (p *peer) Handle(e sim.Envelope, out *sim.Outbox) {
	switch m := e.Message.(type) {
	case *number:
		if p.sum = 3*p.sum + m.n; e.Request == nil {
			out.Reply(e, &number{0, p.sum})
		}
	case sim.Fault:
		p.broken++
	}
}
func (p *peer) Check() error {
	if p.lost > 0 {
		return fmt.Errorf("lost %d", p.lost)
	}
	return nil
}

// riser goes on after a crash.
type riser struct{ peer }

func (r *riser) Restart(out *sim.Outbox) { r.Start(out) }

// Goal: nodes that begin by themselves need no task; faults come to them as long as
// anything may happen. Method: brute force.
func TestNodesAlone(t *testing.T) {
	never := [2]time.Duration{0, 0}
	for _, c := range []struct {
		name           string
		rises, strange bool // after a crash; they tell each other nothing
		fires          int  // of the first
		patience       [2]time.Duration
		faults         *sim.Faults
		timing         *sim.Timing
	}{
		{name: "clocks that agree", fires: 2, patience: [2]time.Duration{2, 3}},
		{name: "clocks that say nothing", fires: 2, patience: never},
		{name: "a crash", fires: 1, patience: never, faults: &sim.Faults{NodeCrashes: 1}},
		{name: "a crash, and on", rises: true, fires: 1, patience: never, faults: &sim.Faults{NodeCrashes: 1}},
		{name: "two crashes of strangers", strange: true, fires: 2, patience: never, faults: &sim.Faults{NodeCrashes: 2}},
		{name: "a cut", fires: 1, patience: never, faults: &sim.Faults{Cuts: 1}},
		{name: "a loss", fires: 1, patience: never, faults: &sim.Faults{Losses: 1}},
		{name: "a duplicate", fires: 1, patience: never, faults: &sim.Faults{Duplicates: 1}},
		{
			name: "time, and a crash", rises: true, fires: 1, patience: [2]time.Duration{3, 3},
			faults: &sim.Faults{NodeCrashes: 1, Down: sim.Constant(2)}, timing: &sim.Timing{Latency: sim.Constant(2)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			build := func() *sim.World {
				w := sim.NewWorld()
				a, b := &riser{peer{patience: c.patience[0], fires: c.fires}}, &riser{peer{patience: c.patience[1], fires: 1}}
				if c.rises {
					w.AddNode("a", a)
					w.AddNode("b", b)
				} else {
					w.AddNode("a", &a.peer)
					w.AddNode("b", &b.peer)
				}
				if !c.strange {
					a.to, b.to = w.Dial("a", "b"), w.Dial("b", "a")
				}
				if c.faults != nil {
					w.Allow(*c.faults)
				}
				if c.timing != nil {
					w.Timed(*c.timing)
				}
				return w
			}
			brute, ok := enumerate(build, 200_000, programSteps)
			if !ok {
				t.Fatal("too much to enumerate")
			}
			if crashes := c.faults != nil && c.faults.NodeCrashes > 0; crashes != brute.broken[sim.NodeInvariants] {
				t.Errorf("a peer forgets: %v, want %v", !crashes, crashes)
			}
			back := func(end string) bool { return strings.Contains(end, "b.sum=1 b.lost=1") }
			if crash := c.faults != nil && c.faults.NodeCrashes == 1; crash && c.timing == nil && !slices.ContainsFunc(slices.Collect(maps.Keys(brute.ends)), back) {
				t.Error("b is told nothing after its crash")
			}
			for _, search := range []func(System, Options) (*Result, error){States, Exhaustive} {
				sys, err := NewWorlds(build)
				if err != nil {
					t.Fatal(err)
				}
				s := searchBy(sys, false, search)
				sys.Close()
				if d := s.differs(brute, true); d != "" {
					t.Errorf("%s: %s", s.result.Strategy, d)
				}
			}
		})
	}
}
