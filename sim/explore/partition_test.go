package explore_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
)

// What follows is the plan of docs/scale.md for a search over many machines, as a
// world: a search of a small graph, whose seen set is divided among owners.

// graphOf is the state space that is searched: n states, two steps out of each.
type graphOf int

func (n graphOf) steps(s int) [2]int { return [2]int{(2*s + 1) % int(n), (3*s + 2) % int(n)} }

// What workers, owners and the holder of the frontier say to each other.
type (
	doneBatch struct { // and give me the next; batch 0: nothing is done
		batch int
		fresh []int
	}
	nextBatch struct { // batch 0: the search is over
		batch  int
		states []int
	}
	whichAreNew struct {
		batch  int
		states []int
	}
	theseAreNew struct{ states []int }
)

// frontier hands out the states of a level in batches. Where all batches of a level
// are handed out, it hands out one again that is not done: its worker may be lost.
type frontier struct {
	size    int // of a batch
	batches [][]int
	given   []bool
	done    []bool
	level   int // the first batch of the level
	next    []int
	visited int
	waiting []sim.Envelope
	patient bool             `sim:"config"` // no worker is lost: who comes too early waits
	count   func(states int) `sim:"-"`      // hears of each message
}

func (f *frontier) Handle(e sim.Envelope, out *sim.Outbox) {
	f.count(0)
	m := e.Message.(doneBatch)
	if m.batch > 0 && !f.done[m.batch-1] {
		f.done[m.batch-1] = true
		f.next = append(f.next, m.fresh...)
	}
	if len(f.next) > 0 && !slices.Contains(f.done[f.level:], false) {
		f.begin(f.next)
		f.next = nil
	}
	f.answer(e, out)
	if f.patient && (slices.Contains(f.given[f.level:], false) || !slices.Contains(f.done[f.level:], false)) {
		waiting := f.waiting
		f.waiting = nil
		for _, e := range waiting {
			f.answer(e, out)
		}
	}
}

func (f *frontier) answer(e sim.Envelope, out *sim.Outbox) {
	i := slices.Index(f.given[f.level:], false)
	if i < 0 {
		i = slices.Index(f.done[f.level:], false)
		if i >= 0 && f.patient {
			f.waiting = append(f.waiting, e)
			return
		}
	}
	if i < 0 {
		f.count(0)
		out.Reply(e, nextBatch{})
		return
	}
	f.count(0)
	i += f.level
	f.given[i] = true
	out.Reply(e, nextBatch{i + 1, slices.Clone(f.batches[i])})
}

func (f *frontier) begin(states []int) {
	f.level = len(f.batches)
	f.visited += len(states)
	for part := range slices.Chunk(slices.Clone(states), f.size) {
		f.batches, f.given, f.done = append(f.batches, part), append(f.given, false), append(f.done, false)
	}
}

// owner knows which of its share of the states are seen: by which batch each was.
type owner struct {
	forgetful bool `sim:"config"` // of that it knows nothing: a state that it was asked for is not new
	seenBy    []int
	count     func(states int) `sim:"-"`
}

func (o *owner) Handle(e sim.Envelope, out *sim.Outbox) {
	m := e.Message.(whichAreNew)
	var fresh []int
	for _, s := range m.states {
		if o.seenBy[s] == 0 || o.seenBy[s] == m.batch && !o.forgetful {
			o.seenBy[s] = m.batch
			fresh = append(fresh, s)
		}
	}
	o.count(len(m.states))
	o.count(0)
	out.Reply(e, theseAreNew{fresh})
}

// searcher is a worker: it takes the steps out of the states of a batch, and asks the owners.
type searcher struct {
	graph    graphOf
	frontier *sim.Conn
	owners   []*sim.Conn
	report   doneBatch
	batch    nextBatch
	i        int
}

func (w *searcher) Run(t *sim.Task) {
	for {
		t.Step("report")
		w.frontier.Send(t, doneBatch{w.report.batch, slices.Clone(w.report.fresh)})
		next := w.frontier.Receive(t.At("await batch")).(nextBatch)
		w.batch = nextBatch{next.batch, slices.Clone(next.states)}
		if w.batch.batch == 0 {
			return
		}
		w.report = doneBatch{batch: w.batch.batch}
		for w.i = 0; w.i < len(w.owners); w.i++ {
			t.Step("ask")
			w.owners[w.i].Send(t, w.ask())
			answer := w.owners[w.i].Receive(t.At("await answer")).(theseAreNew)
			w.report.fresh = append(slices.Clone(w.report.fresh), answer.states...)
		}
	}
}

// ask is the question to the i-th owner.
func (w *searcher) ask() whichAreNew {
	m := whichAreNew{batch: w.batch.batch}
	for _, s := range w.batch.states {
		for _, to := range w.graph.steps(s) {
			if to%len(w.owners) == w.i && !slices.Contains(m.states, to) {
				m.states = append(m.states, to)
			}
		}
	}
	return m
}

type partition struct {
	graph                  graphOf
	workers, owners, batch int
	forgetful              bool
	crashes                int

	messages, asked int // counted in a single run
}

func (p *partition) world() *sim.World {
	w, _ := p.build()
	return w
}

// build may be called by several workers of a search at once, so it keeps nothing in p.
func (p *partition) build() (*sim.World, *frontier) {
	w := sim.NewWorld()
	count := func(int) {}
	if p.crashes == 0 {
		count = func(states int) { p.messages, p.asked = p.messages+1, p.asked+states }
	}
	f := &frontier{size: p.batch, patient: p.crashes == 0, count: count}
	f.begin([]int{0})
	w.AddNode("frontier", f)
	for i := range p.owners {
		o := &owner{forgetful: p.forgetful, count: count, seenBy: make([]int, p.graph)}
		if i == 0 {
			o.seenBy[0] = -1 // The first state is nobody's.
		}
		w.AddNode(fmt.Sprint("owner", i), o)
	}
	for i := range p.workers {
		name := fmt.Sprint("worker", i)
		s := &searcher{graph: p.graph, frontier: w.Dial(name+"-f", "frontier")}
		parts := []string{name, name + "-f"}
		for k := range p.owners {
			conn := fmt.Sprint(name, "-", k)
			s.owners = append(s.owners, w.Dial(conn, fmt.Sprint("owner", k)))
			parts = append(parts, conn)
		}
		w.GoProgram(name, s)
		if i == 0 && p.crashes > 0 {
			w.Process("machine", parts...)
		}
	}
	w.Allow(sim.Faults{ProcessCrashes: p.crashes})
	want := p.reachable()
	w.Finally("every-state-is-visited-once", func(c *sim.Claim) {
		c.Assert(f.visited == want, "%d states were visited, want %d", f.visited, want)
	})
	return w, f
}

// reachable counts the states on one machine.
func (p *partition) reachable() int {
	seen := make([]bool, p.graph)
	seen[0] = true
	n := 0
	for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
		n++
		for _, to := range p.graph.steps(queue[0]) {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	return n
}

// scaleSays fails unless docs/scale.md has a text.
func scaleSays(t *testing.T, text string) {
	t.Helper()
	says, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(string(says)), " "), text) {
		t.Errorf("docs/scale.md does not say %q", text)
	}
}

// Goal: a worker that is lost in the middle of a level, at any moment, loses no state if
// the owners know by which batch a state was seen. If they do not, it does.
func TestPartition(t *testing.T) {
	for _, forgetful := range []bool{false, true} {
		p := &partition{graph: 5, workers: 2, owners: 2, batch: 1, crashes: 1, forgetful: forgetful}
		sys, err := explore.NewWorlds(p.world)
		if err != nil {
			t.Fatal(err)
		}
		r, err := explore.States(sys, explore.Options{Limit: 300_000, First: forgetful})
		if err != nil {
			t.Fatal(err)
		}
		v := r.Verdict("every-state-is-visited-once")
		if forgetful {
			scaleSays(t, fmt.Sprintf("the search finds that in %d steps", len(v.Schedule)))
		} else {
			scaleSays(t, fmt.Sprintf("in all %s states", explore.Thousands(r.States)))
		}
		t.Logf("owners that forget (%v): %s in %d states, %d steps: %v", forgetful, v.Outcome, r.States, len(v.Schedule), v.Err)
		want := explore.Exhausted
		if forgetful {
			want = explore.Broken
		}
		if v.Outcome != want {
			t.Errorf("owners that forget (%v): %s, want %s: %v", forgetful, v.Outcome, want, v.Schedule)
		}
		sys.Close()
	}
}

// Goal: docs/scale.md says what a state costs in messages.
func TestPartitionMessages(t *testing.T) {
	p := &partition{graph: 100_003, workers: 8, owners: 4, batch: 1024}
	w, frontier := p.build()
	defer w.Close()
	if _, err := sim.Run(w, sim.NewWalk(1)); err != nil {
		t.Fatal(err)
	}
	if broken := w.Violations(); len(broken) > 0 {
		t.Fatal(broken)
	}
	batches := len(frontier.batches)
	scaleSays(t, fmt.Sprintf("A run over %s states with %d owners and batches of at most %s has %d batches and %s messages",
		explore.Thousands(frontier.visited), p.owners, explore.Thousands(p.batch), batches, explore.Thousands(p.messages)))
	t.Logf("%d states in %d batches: %d messages, %d fingerprints asked for", frontier.visited, batches, p.messages, p.asked)
	// A batch takes a question and an answer with each owner and with the frontier; at the
	// end each worker asks once in vain.
	if want := 2*(p.owners+1)*batches + 2*p.workers; p.messages != want {
		t.Errorf("%d messages, want %d", p.messages, want)
	}
}
