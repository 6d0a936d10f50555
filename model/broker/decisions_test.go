package broker

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

// decision is a batch or a marker against a log.
type decision[T any] struct {
	says string
	x    T
}

// decide writes what a table answers, and reports a check that changes no answer:
// nothing would notice if it were dropped.
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

// Goal: each table answers each batch and marker as it did when it was last compared
// with Kafka's source, and each check of it changes an answer. A check that is
// dropped, or moved before another that it does not commute with, changes the file.
func TestDecisions(t *testing.T) {
	b := &strings.Builder{}
	var batches []decision[appending]
	var markers []decision[marking]
	for _, where := range []string{"unknown", "open", "complete"} {
		for _, waits := range []model.TransactionVersion{0, model.TV1, model.TV2} {
			l := &partitionLog{maxEpoch: 4}
			if where != "unknown" {
				l.write(transactional(data(2, 0, 1)))
			}
			if where == "complete" {
				l.write(model.RecordBatch{ProducerID: 1, ProducerEpoch: 2, Transactional: true, Control: model.CommitMarker, CoordinatorEpoch: 1})
			}
			p := l.producer(1)
			if waits > 0 {
				p.verification = verificationState{guard: 7, epoch: 2, lowestSequence: 1, version: waits}
			}
			for _, epoch := range []model.ProducerEpoch{1, 2, 3} {
				for _, sequence := range []model.Sequence{0, 1, 2} {
					for _, isTransactional := range []bool{true, false} {
						for _, guard := range []verificationGuard{noGuard, 7} {
							batch := data(epoch, sequence, 1)
							batch.Transactional = isTransactional
							batches = append(batches, decision[appending]{
								fmt.Sprintf("%s, verifying under %v: epoch %d seq %d transactional %v guard %d", where, waits, epoch, sequence, isTransactional, guard),
								appending{l, p, &batch, guard},
							})
						}
					}
				}
			}
			if waits > 0 {
				continue
			}
			for _, last := range []model.ProducerEpoch{2, 4} {
				at := *l
				at.maxEpoch = last
				for _, epoch := range []model.ProducerEpoch{1, 2, 3} {
					for _, coordinator := range []model.CoordinatorEpoch{0, 1} {
						for _, version := range []model.TransactionVersion{model.TV1, model.TV2} {
							m := marker(epoch, model.Commit, version)
							m.CoordinatorEpoch = coordinator
							markers = append(markers, decision[marking]{
								fmt.Sprintf("%s, the last epoch is %d: epoch %d coordinator %d %v", where, last, epoch, coordinator, version), marking{&at, p, m},
							})
						}
					}
				}
			}
		}
	}
	// Idle: what another release has in place of it.
	decide(t, b, "append, 4.3", appendChecks.List, model.Rules{}, nil, batches)
	decide(t, b, "append, 4.0", appendChecks.List, model.Rules{Release: model.Kafka4_0}, []int{0, 3}, batches)
	decide(t, b, "append, 3.5", appendChecks.List, model.Rules{Release: model.Kafka3_5}, []int{0, 1, 3, 4}, batches)
	decide(t, b, "marker, 4.3", markerChecks.List, model.Rules{}, []int{2, 3}, markers)
	decide(t, b, "marker, 4.2", markerChecks.List, model.Rules{Release: model.Kafka4_2}, []int{3}, markers)
	decide(t, b, "marker, before 19999", markerChecks.List, model.Rules{Without: model.MarkerAgain | model.LastEpoch}, nil, markers)
	decide(t, b, "marker, 4.1", markerChecks.List, model.Rules{Release: model.Kafka4_1}, []int{1, 2, 3}, markers)
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
