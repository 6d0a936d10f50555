package properties_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"racelab/model"
	"racelab/properties"
	"racelab/scenario"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

const (
	neverRewinds = "committed-offset-never-rewinds"
	monotone     = "offsets-on-the-wire-are-monotone"
)

// deadlockVerdict is what a search of all states of broker-lock says of no-deadlock; alike:
// there are two committers that are, and it takes them for each other.
func deadlockVerdict(t *testing.T, alike bool, settings ...string) *explore.Verdict {
	t.Helper()
	o := explore.Options{Symmetry: alike, Again: true} // TestProperties checks the model.
	r, err := theCase(t, "offset-rewind", "broker-lock", settings...).States(o)
	if err != nil {
		t.Fatal(err)
	}
	return r.Verdict(sim.NoDeadlock)
}

// Goal: the deadlock of sarama issue 3191 is found from the locks alone, and
// comes out named.
func TestBrokerLockDeadlocks(t *testing.T) {
	rows := made.of(t, offsetrewind.Scenario.Race(), "broker-lock", "four-committers", true)
	verdict := rows[slices.IndexFunc(rows, func(row scenario.Checked) bool { return row.Property == sim.NoDeadlock })].Verdict
	if verdict.Outcome != explore.Broken {
		t.Fatalf("%s is %q, want %q", sim.NoDeadlock, verdict.Outcome, explore.Broken)
	}
	for _, want := range []string{
		`holds om.pomsLock for reading and wants om.brokerLock for writing (before "release coordinator")`,
		`holds om.brokerLock for writing and wants om.broker.lock (before "response size")`,
		`holds om.broker.lock and wants om.pomsLock for reading (before "construct request")`,
		`holds om.pomsLock as its next writer and wants om.pomsLock for writing (before "release poms (readers leave)")`,
	} {
		if !strings.Contains(verdict.Err.Error(), want) {
			t.Errorf("the deadlock is %q, want in it: %s", verdict.Err, want)
		}
	}
}

// Goal: the circle closes only because a reader of pomsLock waits for a writer
// that waits: the world of TestBrokerLockDeadlocks without that.
func TestDeadlockNeedsTheWriterPreference(t *testing.T) {
	verdict := deadlockVerdict(t, true, "commits=1", "committers=2", "not-coordinator=1", "writer-preference=off")
	if verdict.Outcome != explore.Exhausted {
		t.Errorf("%s is %q without the writer preference, want %q", sim.NoDeadlock, verdict.Outcome, explore.Exhausted)
	}
}

// Goal: three committers do not make the deadlock, and nor do four whose
// coordinator never moves.
func TestDeadlockNeedsFourCommittersAndAMove(t *testing.T) {
	for _, test := range []struct {
		alike    bool
		settings []string
	}{
		{false, []string{"commits=1", "committers=1", "not-coordinator=1"}},
		{true, []string{"commits=1", "committers=2"}},
	} {
		verdict := deadlockVerdict(t, test.alike, test.settings...)
		if verdict.Outcome != explore.Exhausted {
			t.Errorf("%v: %s is %q, want %q", test.settings, sim.NoDeadlock, verdict.Outcome, explore.Exhausted)
		}
	}
}

// Goal: whatever the workload, the race can be drawn in the unfixed client and
// never in a fixed one. Method: rapid draws the workload and every choice.
func TestOffsetRewindDrawn(t *testing.T) {
	drawn := func(variant string) simtest.Case {
		return func(t *rapid.T) (func() *sim.World, sim.Chooser) {
			p := offsetrewind.Scenario.Default()
			p.Partitions = rapid.IntRange(1, 3).Draw(t, "partitions")
			p.Commits = rapid.IntRange(1, 3).Draw(t, "commits")
			return offsetrewind.Scenario.Case(variant, p).World, simtest.NewDrawn(t)
		}
	}
	t.Run("unfixed", func(t *testing.T) { simtest.Finds(t, neverRewinds, 2000, drawn("unfixed")) })
	for _, fix := range []string{"commit-lock", "broker-lock", "broker-lock-released"} {
		t.Run(fix, func(t *testing.T) { simtest.Holds(t, drawn(fix)) })
	}
}

// Goal: an acknowledged offset is clean and is not sent again, so the rewind
// stays. Method: the race's story, played to its end.
func TestNothingRepairsTheRewind(t *testing.T) {
	c := theCase(t, "offset-rewind", "unfixed")
	orders, err := explore.ParseOrders(c.Race.Story)
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Play(explore.NewScript(orders...))
	if err != nil {
		t.Fatal(err)
	}
	final := map[string]string{}
	for _, field := range report.Final {
		final[field.Path] = field.Value
	}
	if final["om.poms[0].offset"] != "12" || final["om.poms[0].dirty"] != "false" || final["coordinator.offsets[0]"] != "11" {
		t.Errorf("at the end the client holds P0 = %s (dirty %s) and the coordinator %s; want 12 (dirty false) and 11",
			final["om.poms[0].offset"], final["om.poms[0].dirty"], final["coordinator.offsets[0]"])
	}
}

// commit is what an oracle sees of an accepted commit.
func commit(action sim.Action, code model.Error, offsets ...model.PartitionOffset) sim.Act {
	request := &model.OffsetCommitRequest{Partitions: offsets}
	if action == sim.Sent {
		return sim.Act{Action: action, Actor: "G0", Peer: "coordinator", Message: request}
	}
	response := &model.OffsetCommitResponse{}
	for _, p := range offsets {
		response.Partitions = append(response.Partitions, model.PartitionError{Partition: p.Partition, Error: code})
	}
	return sim.Act{Action: action, Actor: "coordinator", Peer: "G0", Request: request, Message: response}
}

// Goal: the oracles refuse what they should, and nothing else.
func TestOffsetOracles(t *testing.T) {
	p0 := func(o model.Offset) model.PartitionOffset { return model.PartitionOffset{Partition: 0, Offset: o} }
	p1 := func(o model.Offset) model.PartitionOffset { return model.PartitionOffset{Partition: 1, Offset: o} }
	for _, test := range []struct {
		name   string
		acts   []sim.Act
		tested bool
		want   string // error of the last act
	}{
		{"first commit", []sim.Act{commit(sim.Answered, model.None, p0(11))}, false, "<nil>"},
		{"forward", []sim.Act{commit(sim.Answered, model.None, p0(11)), commit(sim.Answered, model.None, p0(12))}, true, "<nil>"},
		{"the same again", []sim.Act{commit(sim.Answered, model.None, p0(11)), commit(sim.Answered, model.None, p0(11))}, true, "<nil>"},
		{"another partition", []sim.Act{commit(sim.Answered, model.None, p0(12)), commit(sim.Answered, model.None, p1(11))}, false, "<nil>"},
		{"back", []sim.Act{commit(sim.Answered, model.None, p0(12)), commit(sim.Answered, model.None, p1(21), p0(11))}, true,
			"committed offset of P0 went back from 12 to 11"},
		{"back, but refused", []sim.Act{commit(sim.Answered, model.None, p0(12)), commit(sim.Answered, model.Error(16), p0(11))}, false, "<nil>"},
		{"back on the wire", []sim.Act{commit(sim.Sent, model.None, p0(12)), commit(sim.Sent, model.None, p0(11))}, true,
			"G0 sent offset 11 of P0 after 12 was sent"},
	} {
		oracles := []*sim.Property{properties.CommittedOffsetNeverRewinds(), properties.OffsetsOnTheWireAreMonotone()}
		var tested bool
		var err error
		for _, act := range test.acts {
			tested, err = false, nil
			for _, oracle := range oracles {
				_, put, broke := oracle.Judge(act)
				tested = tested || put
				if broke != nil {
					err = broke
				}
			}
		}
		if tested != test.tested || fmt.Sprint(err) != test.want {
			t.Errorf("%s: tested %v, %v; want %v, %s", test.name, tested, err, test.tested, test.want)
		}
	}
}

// Goal: the oracle of Close refuses one that leaves something uncommitted.
func TestCloseOracle(t *testing.T) {
	processed := sim.Act{Action: sim.Called, Actor: "G0", Message: &model.Processed{Partition: 0, Offset: 10}}
	closed := sim.Act{Action: sim.Returned, Actor: "session", Message: &model.Closed{}}
	p0 := func(o model.Offset) model.PartitionOffset { return model.PartitionOffset{Partition: 0, Offset: o} }
	for _, test := range []struct {
		name string
		acts []sim.Act
		want string
	}{
		{"committed", []sim.Act{processed, commit(sim.Answered, model.None, p0(11)), closed}, "<nil>"},
		{"nothing to do", []sim.Act{closed}, "<nil>"},
		{"not committed", []sim.Act{processed, closed}, "session closed the consumer, and message 10 of P0 was processed and is not committed"},
		{"refused", []sim.Act{processed, commit(sim.Answered, model.ErrNotCoordinator, p0(11)), closed},
			"session closed the consumer, and message 10 of P0 was processed and is not committed"},
		{"another", []sim.Act{processed, commit(sim.Answered, model.None, p0(10)), closed},
			"session closed the consumer, and message 10 of P0 was processed and is not committed"},
	} {
		oracle := properties.CloseCommitsWhatWasProcessed()
		var tested bool
		var err error
		for _, act := range test.acts {
			var seen bool
			if seen, tested, err = oracle.Judge(act); !seen {
				t.Errorf("%s: the oracle does not see %v", test.name, act)
			}
		}
		if !tested || fmt.Sprint(err) != test.want {
			t.Errorf("%s: tested %v, %v; want true, %s", test.name, tested, err, test.want)
		}
	}
}

func TestRewindErrorSaysWhatItMeans(t *testing.T) {
	err := &properties.RewindError{Partition: 0, Was: 14, Is: 11}
	want := "The committed offset is the next to read. P0 was processed up to 13, and a consumer that restarts now reads on from 11: messages 11 to 13 of P0 will be consumed twice."
	if got := err.Meaning(); got != want {
		t.Errorf("Meaning() = %s, want %s", got, want)
	}
}
