package transactionprotocol

import (
	"testing"

	"racelab/model"
	"racelab/model/coordinator"
	"racelab/model/producer/plain"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// searched is what all states of a world say of one claim about the ends of its runs.
func searched(t *testing.T, x World, claim func(w *sim.World, p *parts)) *explore.Verdict {
	t.Helper()
	sys, err := explore.NewWorlds(func() *sim.World {
		w := sim.NewWorld()
		claim(w, x.build(w))
		return w
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	r := simtest.Must(explore.States(sys, explore.Options{Limit: 200_000}))
	v := r.Verdict("asked")
	t.Logf("%s in %d states: %v; %v", v.Outcome, r.States, v.Err, v.Schedule)
	return v
}

// Goal: docs/found.md, "A commit in the window of a fence": EndTxn(commit) between the
// two steps of a fence is UNKNOWN_SERVER_ERROR, and CONCURRENT_TRANSACTIONS with the
// rule that is proposed. Method: all states of a producer and the one that replaces it.
func TestCommitInTheWindowOfAFence(t *testing.T) {
	for _, rules := range []model.Rules{{}, {With: model.CommitAgainstFence}} {
		x := World{Rules: rules, Fine: true, Producers: []plain.Config{
			does(tv2, commits(0)), with(does(tv2), func(c *plain.Config) { c.First = 1 }),
		}}
		v := searched(t, x, func(w *sim.World, p *parts) {
			w.Finally("asked", func(c *sim.Claim) {
				c.Assert(p.producers[0].Failed() != model.ErrUnknownServerError, "a commit in the window is %v", p.producers[0].Failed())
			})
		})
		if want := rules.With == 0; (v.Outcome == explore.Broken) != want {
			t.Errorf("rules %+v: %s, want broken %v", rules, v.Outcome, want)
		}
	}
}

// Goal: docs/found.md, "The timeout scan aborts a transaction that has just begun": what
// the scan found of the first transaction it does to the second.
func TestScanFencesAFreshTransaction(t *testing.T) {
	x := World{Fine: true, Scan: true, Producers: one(does(tv2, commits(0), commits(0)))}
	v := searched(t, x, func(w *sim.World, p *parts) {
		var began int // the transactions that had begun when the scan came
		property := sim.NewProperty("asked", &began)
		sim.On(property, sim.Arrived, func(_ *sim.Claim, _ sim.Act, _ *coordinator.Scan) { began = len(p.producers[0].Outcomes()) })
		property.Finally(func(c *sim.Claim) {
			for i, o := range p.producers[0].Outcomes() {
				c.Assert(began == 0 || i < began || o.Failed == model.None, "transaction %d began after the scan, and fails with %v", i, o.Failed)
			}
		})
		w.Watch(property)
	})
	if v.Outcome != explore.Broken {
		t.Errorf("%s, want broken", v.Outcome)
	}
}
