package coordinator

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"racelab/model"
)

var rewrite = flag.Bool("rewrite", false, "write the decision tables anew")

// decision is a request against a state, and which table judges it.
type decision[T any] struct {
	says string
	x    T
}

// decide writes what a table answers to each request, and reports a check that
// changes no answer: nothing would notice if it were dropped.
func decide[T any](t *testing.T, b *strings.Builder, name string, checks []model.Check[T], rules model.Rules, idle []int, decisions []decision[T]) {
	t.Helper()
	answers := func(checks []model.Check[T]) string {
		text := &strings.Builder{}
		for _, d := range decisions {
			fmt.Fprintf(text, "%s: %v\n", d.says, model.Refusal(rules, model.Checks[T]{List: checks}, d.x))
		}
		return text.String()
	}
	all := answers(checks)
	fmt.Fprintf(b, "# %s\n%s", name, all)
	for i := range checks {
		if dropped := answers(slices.Delete(slices.Clone(checks), i, i+1)); (dropped == all) != slices.Contains(idle, i) {
			t.Errorf("%s: without check %d (%s) the answers are the same: %v", name, i, checks[i].If, dropped == all)
		}
	}
}

// Goal: each table answers each request in each state as it did when it was last
// compared with Kafka's source, and each check of it changes an answer. A check that
// is dropped, or moved before another that it does not commute with, changes the file.
func TestDecisions(t *testing.T) {
	b := &strings.Builder{}
	states := []TransactionState{EmptyTransaction, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort}
	var addsOf []decision[adds]
	var tv1, tv2 []decision[ends]
	for _, state := range states {
		pendings := []TransactionState{none, CompleteCommit}
		if state == Ongoing {
			pendings = []TransactionState{none, PrepareCommit, PrepareEpochFence}
		}
		for _, pending := range pendings {
			m := in(state, model.TV2).metadata[0]
			m.pendingState = pending
			for _, id := range []model.ProducerID{10, 77} {
				for _, epoch := range []model.ProducerEpoch{0, 1, 2, 3} {
					who := fmt.Sprintf("%v+%v %s of 10/2", state, pending, model.FormatProducer(id, epoch))
					addsOf = append(addsOf, decision[adds]{who, adds{&m, id, epoch}})
					for _, result := range []model.TransactionResult{model.Commit, model.Abort} {
						x := ends{&m, ending{id, epoch, result, true, model.TV1}}
						tv1 = append(tv1, decision[ends]{fmt.Sprint(who, " ", result), x})
						x.version = model.TV2
						tv2 = append(tv2, decision[ends]{fmt.Sprint(who, " ", result), x})
					}
				}
			}
		}
	}
	newest, old := model.Rules{}, model.Rules{Release: model.Kafka3_9}
	// Idle: what another release has in place of it, or what nothing reaches any more.
	decide(t, b, "add, 4.3", addChecks.List, newest, []int{3}, addsOf)
	decide(t, b, "add, 3.9", addChecks.List, old, []int{0}, addsOf)
	decide(t, b, "verify", verifyChecks.List, newest, nil, addsOf)
	decide(t, b, "EndTxn TV1, 4.3", endChecksTV1.List, newest, []int{2, 3}, tv1)
	decide(t, b, "EndTxn TV2, 4.3", endChecksTV2.List, newest, []int{0, 4, 5}, tv2)
	decide(t, b, "EndTxn TV2, as proposed", endChecksTV2.List, model.Rules{Release: model.Unreleased}, []int{4}, tv2)
	const path = "testdata/decisions"
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || b.String() != string(want) {
		got, old := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i := range min(len(got), len(old)) {
			if got[i] != old[i] {
				t.Fatalf("line %d of %s: %q, want %q", i+1, path, got[i], old[i])
			}
		}
		t.Fatalf("%s has %d lines, want %d (%v)", path, len(old), len(got), err)
	}
}
