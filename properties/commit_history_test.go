package properties_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"racelab/model"
	"racelab/properties"
	"racelab/scenarios/commitreconnect"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

const historyIsMonotone = "commit-history-is-monotone"

// act reads an act of P0's history: "A commits 11", "A ok", "A refused", "A cut",
// "A fetches", "A reads 11", "A fails".
func act(t *testing.T, text string) sim.Act {
	t.Helper()
	words := strings.Fields(text)
	o := sim.Act{Action: sim.Received, Actor: words[0], Peer: "coordinator"}
	offset := model.PartitionOffset{}
	if len(words) == 3 {
		if _, err := fmt.Sscan(words[2], &offset.Offset); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(code model.Error) *model.OffsetCommitResponse {
		return &model.OffsetCommitResponse{Partitions: []model.PartitionError{{Partition: 0, Error: code}}}
	}
	switch words[1] {
	case "commits":
		o.Action, o.Message = sim.Sent, &model.OffsetCommitRequest{Partitions: []model.PartitionOffset{offset}}
	case "ok":
		o.Message = answer(model.None)
	case "refused":
		o.Message = answer(model.Error(25))
	case "cut":
		o.Message = sim.ErrBroken
	case "fetches":
		o.Action, o.Message = sim.Sent, &model.OffsetFetchRequest{Partitions: []model.Partition{0}}
	case "reads":
		o.Message = &model.OffsetFetchResponse{Partitions: []model.PartitionOffset{offset}}
	case "fails":
		o.Message = &model.OffsetFetchResponse{Error: model.Error(16)}
	default:
		t.Fatalf("%q is no act", text)
	}
	return o
}

// observed shows an oracle a history, and returns what it says of the last act. Another,
// which forgets nothing, has to say the same of each act up to the first that it refuses.
func observed(t *testing.T, history string) (h *properties.CommitHistory, tested bool, err error) {
	t.Helper()
	h = &properties.CommitHistory{Clients: []string{"A", "B", "C"}, Whole: true}
	whole := properties.CommitHistoryIsMonotone(h)
	oracle := properties.CommitHistoryIsMonotone(&properties.CommitHistory{Clients: h.Clients})
	refused := false
	for text := range strings.SplitSeq(history, ";") {
		o := act(t, text)
		_, testedOfAll, errOfAll := whole.Judge(o)
		var seen bool
		if seen, tested, err = oracle.Judge(o); !seen {
			t.Fatalf("%s: the oracle does not see %q", history, text)
		}
		if tested != testedOfAll || !refused && fmt.Sprint(err) != fmt.Sprint(errOfAll) {
			t.Fatalf("%s: of %q it says %v, %v, and with the whole history %v, %v", history, text, tested, err, testedOfAll, errOfAll)
		}
		refused = refused || err != nil
	}
	return h, tested, err
}

// isPlain says whether a register of the last write, which begins as whatever is
// read first, accepts a history.
func isPlain(t *testing.T, history string) bool {
	t.Helper()
	type input struct {
		fetches bool
		offset  model.Offset
	}
	register := porcupine.Model{
		Init: func() any { return model.Offset(-1) },
		Step: func(state, in, _ any) (bool, any) {
			op, value := in.(input), state.(model.Offset)
			return !op.fetches || value == -1 || value == op.offset, op.offset
		},
	}
	var ops []porcupine.Operation
	last, began := map[string]int{}, map[string]int64{} // by client: its last commit, and when it last fetched
	for at, text := range strings.Split(history, ";") {
		o, now := act(t, text), int64(at)
		switch m := o.Message.(type) {
		case *model.OffsetCommitRequest:
			last[o.Actor] = len(ops)
			ops = append(ops, porcupine.Operation{Input: input{offset: m.Partitions[0].Offset}, Call: now, Return: math.MaxInt64})
		case *model.OffsetCommitResponse:
			ops[last[o.Actor]].Return = now
		case *model.OffsetFetchRequest:
			began[o.Actor] = now
		case *model.OffsetFetchResponse:
			ops = append(ops, porcupine.Operation{Input: input{true, m.Partitions[0].Offset}, Call: began[o.Actor], Return: now})
		}
	}
	return porcupine.CheckOperations(register, ops)
}

// Goal: the oracle refuses every rewind that a client can notice, and nothing
// else. Method: histories, with what a plain register says of those that tell
// the two apart.
func TestCommitHistoryOracle(t *testing.T) {
	const (
		stale       = "C read offset 11 of P0 after 12 was known to be committed"
		overwritten = "C read offset 11 of P0, which nobody can have committed by then"
		unheard     = "C read offset 13 of P0, which nobody can have committed by then"
	)
	for _, test := range []struct {
		name, history string
		tested        bool
		want          string
		plainAccepts  bool // though it is refused here
	}{
		{"nothing is known", "C fetches; C reads 11", false, "<nil>", false},
		{"a commit alone", "A commits 12; A ok; B commits 11; B ok", false, "<nil>", false},
		{"what was acknowledged", "A commits 11; A ok; C fetches; C reads 11", true, "<nil>", false},
		{"less than that", "A commits 12; A ok; C fetches; C reads 11", true, stale, false},
		{"more than anybody committed", "A commits 12; A ok; C fetches; C reads 13", true, unheard, false},

		// What a plain register takes for an order of overlapping commits.
		{"overlap", "A commits 11; B commits 12; A ok; B ok; C fetches; C reads 11", true, stale, true},
		{"overlap, the other order", "A commits 12; B commits 11; A ok; B ok; C fetches; C reads 11", true, stale, true},
		{"an old commit without an answer", "A commits 11; A cut; B commits 12; B ok; C fetches; C reads 11", true, stale, true},
		{"one in flight", "A commits 11; B commits 12; B ok; C fetches; C reads 11", true, stale, true},
		{"old news, one by one", "A commits 12; A ok; B commits 11; B ok; C fetches; C reads 11", true, stale, true},
		{"overlap, rightly", "A commits 11; B commits 12; B ok; A ok; C fetches; C reads 12", true, "<nil>", false},

		// An unknown outcome.
		{"it has happened", "A commits 12; A ok; A commits 13; A cut; C fetches; C reads 13", true, "<nil>", false},
		{"it has not", "A commits 12; A ok; A commits 13; A cut; C fetches; C reads 12", true, "<nil>", false},
		{"not yet", "A commits 12; A ok; A commits 13; A cut; C fetches; C reads 12; C fetches; C reads 13", true, "<nil>", false},
		{"no longer", "A commits 11; A ok; A commits 12; A cut; C fetches; C reads 12; C fetches; C reads 11", true, stale, false},
		{"in flight, it has happened", "A commits 12; A ok; A commits 13; C fetches; C reads 13", true, "<nil>", false},
		{"in flight, it has not", "A commits 12; A ok; A commits 13; C fetches; C reads 12", true, "<nil>", false},
		{"its client goes on", "A commits 12; A cut; A commits 13; A ok; C fetches; C reads 13", true, "<nil>", false},
		{"and finds it again", "A commits 12; A cut; A commits 11; A ok; C fetches; C reads 12", true, "<nil>", false},

		{"refused", "A commits 12; A ok; B commits 13; B refused; C fetches; C reads 13", true, unheard, false},
		{"a fetch overlaps", "A commits 11; A ok; C fetches; B commits 12; B ok; C reads 11", true, "<nil>", false},
		{"a fetch overlaps, and is ahead", "A commits 12; A ok; C fetches; B commits 13; C reads 13; B ok", false, "<nil>", false},
		{"a fetch overlaps, and old news", "A commits 10; A ok; C fetches; A commits 12; A ok; B commits 11; B ok; C reads 11", true, overwritten, true},
		{"a fetch overlaps, and news", "A commits 10; A ok; C fetches; A commits 11; A ok; B commits 12; B ok; C reads 11", true, "<nil>", false},
		{"two fetches", "A commits 12; B fetches; B reads 12; C fetches; C reads 11", true, stale, false},
		{"two fetches overlap", "A commits 11; A ok; A commits 12; B fetches; C fetches; B reads 12; C reads 11", true, "<nil>", false},
		{"a fetch that fails", "A commits 12; A ok; C fetches; C fails", false, "<nil>", false},
		{"a fetch without an answer", "A commits 12; A ok; C fetches; C cut; C fetches; C reads 11", true, stale, false},
		{"a cut of something else", "A commits 12; A ok; A cut; C fetches; C reads 11", true, stale, false},
	} {
		_, tested, err := observed(t, test.history)
		if tested != test.tested || fmt.Sprint(err) != test.want {
			t.Errorf("%s: tested %v, %v; want %v, %s", test.name, tested, err, test.tested, test.want)
		}
		if strings.Contains(test.history, "fails") || strings.Contains(test.history, "refused") {
			continue
		}
		if accepts := isPlain(t, test.history); accepts != (test.want == "<nil>" || test.plainAccepts) {
			t.Errorf("%s: a plain register accepts it: %v", test.name, accepts)
		}
	}
}

// Goal: partitions have nothing to do with one another, though a request may be
// about several.
func TestCommitHistoryByPartition(t *testing.T) {
	offsets := func(p0, p1 model.Offset) []model.PartitionOffset {
		return []model.PartitionOffset{{Partition: 0, Offset: p0}, {Partition: 1, Offset: p1}}
	}
	for _, test := range []struct {
		refused model.Partition // by the coordinator; -1: none
		reads   []model.PartitionOffset
		want    string
	}{
		{-1, offsets(12, 22), "<nil>"},
		{-1, offsets(12, 21), "C read offset 21 of P1 after 22 was known to be committed"},
		{-1, offsets(11, 22), "C read offset 11 of P0 after 12 was known to be committed"},
		{1, offsets(12, 21), "<nil>"},
		{1, offsets(12, 22), "C read offset 22 of P1, which nobody can have committed by then"},
	} {
		oracle := properties.CommitHistoryIsMonotone(&properties.CommitHistory{Clients: []string{"A", "C"}})
		var err error
		commit := func(asked []model.PartitionOffset, refused model.Partition) {
			response := &model.OffsetCommitResponse{}
			for _, p := range asked {
				code := model.None
				if p.Partition == refused {
					code = 25
				}
				response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: code})
			}
			_, _, _ = oracle.Judge(sim.Act{Action: sim.Sent, Actor: "A", Message: &model.OffsetCommitRequest{Partitions: asked}})
			_, _, _ = oracle.Judge(sim.Act{Action: sim.Received, Actor: "A", Message: response})
		}
		commit(offsets(11, 21), -1)
		commit(offsets(12, 22), test.refused)
		_, _, _ = oracle.Judge(sim.Act{Action: sim.Sent, Actor: "C", Message: &model.OffsetFetchRequest{Partitions: []model.Partition{0, 1}}})
		_, _, err = oracle.Judge(sim.Act{Action: sim.Received, Actor: "C", Message: &model.OffsetFetchResponse{Partitions: test.reads}})
		if fmt.Sprint(err) != test.want {
			t.Errorf("P%d refused, read %v: %v, want %s", test.refused, test.reads, err, test.want)
		}
	}
}

// served is a history as a coordinator makes it, with the simplest thing that
// could judge it: what is known when a fetch begins.
type served struct {
	monotone bool         // else the last write wins
	value    model.Offset // at the coordinator
	known    model.Offset // acknowledged, or read
	late     []model.Offset
	clients  []asking
	acts     []string
}

// asking is a client with a request on its way.
type asking struct {
	name    string
	busy    bool
	commits model.Offset // 0: it fetches
	known   model.Offset // when it asked
	served  bool
	reads   model.Offset
}

func (h *served) act(c *asking, what ...any) {
	h.acts = append(h.acts, c.name+" "+fmt.Sprint(what...))
}

func (h *served) store(o model.Offset) {
	if !h.monotone || o > h.value {
		h.value = o
	}
}

// asks, serves and answers are what happens to a client, one after the other.
func (h *served) asks(r *rapid.T, c *asking) {
	*c = asking{name: c.name, busy: true, known: h.known}
	if rapid.Bool().Draw(r, "fetch") {
		h.act(c, "fetches")
		return
	}
	c.commits = model.Offset(rapid.IntRange(11, 14).Draw(r, "offset"))
	h.act(c, "commits ", c.commits)
}

func (h *served) serves(r *rapid.T, c *asking) {
	switch {
	case c.commits == 0:
		c.served, c.reads = true, h.value
	case rapid.Bool().Draw(r, "cut"):
		c.busy = false
		h.late = append(h.late, c.commits)
		h.act(c, "cut")
	default:
		c.served = true
		h.store(c.commits)
	}
}

func (h *served) answers(t *testing.T, r *rapid.T, c *asking) {
	c.busy = false
	h.known = max(h.known, c.commits, c.reads)
	if c.commits > 0 {
		h.act(c, "ok")
		return
	}
	h.act(c, "reads ", c.reads)
	_, tested, err := observed(t, strings.Join(h.acts, ";"))
	switch {
	case !tested:
		r.Fatalf("%v: not put to the test", h.acts)
	case h.monotone && err != nil:
		r.Fatalf("%v: %v", h.acts, err)
	case c.reads < c.known && err == nil:
		r.Fatalf("%v: accepted, though %d was known", h.acts, c.known)
	}
}

// Goal: a coordinator that never goes back is never refused, and one that takes
// the last write is, as soon as a fetch shows it. Method: rapid draws what
// clients ask, when each request is served, and which answers are lost: such a
// commit arrives at any time, or never.
func TestCommitHistoryOfACoordinator(t *testing.T) {
	for _, monotone := range []bool{true, false} {
		t.Run(fmt.Sprint("monotone ", monotone), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				h := &served{monotone: monotone, value: 10, known: 10, clients: []asking{{name: "A"}, {name: "B"}, {name: "C"}}}
				h.acts = []string{"A commits 10", "A ok"}
				for range rapid.IntRange(1, 30).Draw(r, "steps") {
					c := &h.clients[rapid.IntRange(0, 2).Draw(r, "client")]
					switch {
					case len(h.late) > 0 && rapid.IntRange(0, 3).Draw(r, "late") == 0:
						h.store(h.late[0])
						h.late = h.late[1:]
					case !c.busy:
						h.asks(r, c)
					case !c.served:
						h.serves(r, c)
					default:
						h.answers(t, r, c)
					}
				}
			})
		})
	}
}

// Goal: the picture shows the history, in the same bytes each time. Method: a
// history with two partial linearizations of the same length.
func TestCommitHistoryAsAPage(t *testing.T) {
	oracle, _, _ := observed(t, "A commits 11; A cut; B fetches; A fetches; A reads 11; B reads 13; C commits 12; C ok")
	first := ""
	for range 50 {
		var page bytes.Buffer
		if err := oracle.WriteHTML(&page); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = page.String()
		}
		if page.String() != first {
			t.Fatal("the page differs from the first one")
		}
	}
	for _, text := range []string{`"A commits P0: 11, no answer"`, `"A fetches P0: 11"`, `"B fetches P0: 13"`, `"C commits P0: 12"`} {
		if !strings.Contains(first, text) {
			t.Errorf("the page has no %s", text)
		}
	}
}

func TestStaleFetchErrorSaysWhatItMeans(t *testing.T) {
	for _, test := range []struct {
		read model.Offset
		want string
	}{
		{11, "The committed offset is the next to read. B consumes P0 from 11 on, and what lies before 14 was processed: messages 11 to 13 of P0 will be consumed twice."},
		{15, "B begins at 15 of P0, where no consumer has got to: messages before it may never be consumed."},
	} {
		err := &properties.StaleFetchError{Client: "B", Partition: 0, Known: 14, Read: test.read}
		if got := err.Meaning(); got != test.want {
			t.Errorf("Meaning() = %s, want %s", got, test.want)
		}
	}
}

// Goal: happens-before classes agree with states, though the memory of the
// history is a whole history.
func TestCommitReconnectInAllClasses(t *testing.T) {
	for _, variant := range []string{"unfixed", "chained"} {
		sys, err := theCase(t, "commit-reconnect", variant).System()
		if err != nil {
			t.Fatal(err)
		}
		states, classes := simtest.Must(explore.States(sys, explore.Options{Limit: 10_000})), simtest.Must(explore.Exhaustive(sys, explore.Options{Limit: 10_000}))
		sys.Close()
		for _, property := range []string{historyIsMonotone, neverRewinds, monotone} {
			// The client may close its connection, so the search of classes never
			// says that it has seen all.
			broken, found := states.Verdict(property).Outcome == explore.Broken, classes.Verdict(property).Outcome == explore.Broken
			if broken != found || !strings.HasPrefix(classes.Left, "with faults") {
				t.Errorf("%s: %s breaks %v in states and %v in classes (left: %q)", variant, property, broken, found, classes.Left)
			}
		}
	}
}

// Goal: 1.21.0 holds whatever the workload, as long as nothing breaks its
// connection. Method: rapid draws the workload and every choice.
func TestCommitReconnectDrawn(t *testing.T) {
	simtest.Holds(t, func(t *rapid.T) (func() *sim.World, sim.Chooser) {
		p := commitreconnect.Scenario.Default()
		p.Polls = rapid.IntRange(1, 3).Draw(t, "polls")
		p.Ticks = rapid.IntRange(0, 3).Draw(t, "ticks")
		p.EveryPoll = rapid.Bool().Draw(t, "commit after every poll")
		return commitreconnect.Scenario.Case("chained", p).World, simtest.NewDrawn(t)
	})
}
