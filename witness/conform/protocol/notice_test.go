package protocol

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/witness/conform/specified"
)

// Why nobody can see on the wire that a check is left out.
const (
	elsewhere = "one client of one broker never asks while it loads its log, or does not lead"
	twin      = "what is decided is pending too, and each of the two checks answers for the other; pending alone is it only while the log is written"
	before    = "a check before it says the same: it is for the coordinator's own requests, or for older releases"
	early     = "an older epoch is refused before the coordinator is asked, since 4.1; after that only if the epoch changes while it is asked"
	unstable  = "the version of the request that can say so is not stable: no broker offers it"
	between   = "it needs a marker, or another record of the producer, between the question to the coordinator and the write"
)

// unseen are the checks of the specification that a broker can leave out without that a
// sequence shows it, and why.
var unseen = map[model.Omission]string{
	{Request: "InitProducerId, what the request says", Check: 3}:                        unstable,
	{Request: "InitProducerId, what the request says", Check: 5}:                        elsewhere,
	{Request: "InitProducerId, what the request says", Check: 6}:                        elsewhere,
	{Request: "InitProducerId, what the state says", Check: 1}:                          twin,
	{Request: "InitProducerId, what the state says", Check: 3}:                          twin,
	{Request: "AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, before all else", Check: 2}: elsewhere,
	{Request: "AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, before all else", Check: 3}: elsewhere,
	{Request: "AddPartitionsToTxn, AddOffsetsToTxn", Check: 1}:                          twin,
	{Request: "AddPartitionsToTxn, AddOffsetsToTxn", Check: 5}:                          twin,
	{Request: "EndTxn to version 4 (TV1)", Check: 3}:                                    before,
	{Request: "EndTxn to version 4 (TV1)", Check: 5}:                                    twin,
	{Request: "EndTxn to version 4 (TV1)", Check: 7}:                                    twin,
	{Request: "EndTxn to version 4 (TV1)", Check: 8}:                                    twin,
	{Request: "EndTxn from version 5 (TV2)", Check: 9}:                                  twin,
	{Request: "EndTxn from version 5 (TV2)", Check: 10}:                                 twin,
	{Request: "Produce, Fetch, WriteTxnMarkers, of each partition", Check: 2}:           elsewhere,
	{Request: "Produce, a batch of an idempotent producer", Check: 1}:                   early,
	{Request: "Produce, a batch of an idempotent producer", Check: 2}:                   between,
	{Request: "Produce, a batch of an idempotent producer", Check: 5}:                   between,
	{Request: "TxnOffsetCommit, what the log says", Check: 1}:                           early,
	{Request: "TxnOffsetCommit, what the log says", Check: 2}:                           between,
	{Request: "TxnOffsetCommit, what the log says", Check: 3}:                           before,
}

// Goal: a broker of the newest release that leaves out one check of docs/specification.md
// gives an answer that the specification does not allow, to one of the sequences, or the
// check is listed with the reason. Method: the models are that broker, with all markers
// written in time, and with those of the step before under way.
func TestEachCheckIsNoticed(t *testing.T) {
	newest := specified.Releases[len(specified.Releases)-1].Release
	allowed := map[string][]specified.Allowed{}
	for _, q := range Sequences {
		for n := range q.Steps {
			a, err := specified.Of(newest, q.Steps[:n+1])
			if err != nil {
				t.Fatal(err)
			}
			allowed[q.Name] = append(allowed[q.Name], a)
		}
	}
	noticed, all := 0, 0
	for _, section := range slices.Concat(coordinator.Specification(), broker.Specification()) {
		for i, check := range section.Checks {
			rules := model.Rules{Release: newest, Omits: model.Omission{Request: section.Request, Check: i + 1}}
			if !check.In(rules) {
				continue
			}
			all++
			shown := notices(rules, allowed)
			why, listed := unseen[rules.Omits]
			if shown != "" {
				noticed++
			}
			t.Logf("%s, check %d: %s%s", section.Request, i+1, shown, why)
			if (shown == "") != listed {
				t.Errorf("%s, check %d (%s): shown by %q, and listed as not shown: %q", section.Request, i+1, check.If, shown, why)
			}
		}
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d of the %d checks", noticed, all); !strings.Contains(strings.ReplaceAll(string(doc), "\n// ", " "), got) {
		t.Errorf("doc.go does not say that a check that is left out is noticed for %s", got)
	}
}

// notices says which sequence shows that a broker is none of the newest release, and at
// which step; empty: none.
func notices(rules model.Rules, allowed map[string][]specified.Allowed) string {
	for _, held := range []bool{false, true} {
		for _, q := range Sequences {
			for n := 1; n <= len(q.Steps); n++ {
				if !held {
					n = len(q.Steps)
				}
				if held && (n == 1 || !q.Steps[n-2].Ends()) {
					continue // There are no markers.
				}
				got, ok := play(rules, q.Steps[:n], held)
				for i := range got {
					a := allowed[q.Name][i]
					if held && i < n-1 {
						continue
					}
					word, _ := judge([]specified.Allowed{a}, got[i].First, got[i].Last)
					if held && got[i].First == got[i].Last && slices.Contains(a.Answers, got[i].First.Compared()) {
						word = "ok" // What it would be in the end is the other run's.
					}
					if word != "ok" {
						return fmt.Sprintf("%s, step %d: %v: %v, want %v", q.Name, i+1, q.Steps[i], got[i].First, a)
					}
				}
				if !ok && n == len(q.Steps) && !held {
					return q.Name + ": what it lets in makes the coordinator stop"
				}
			}
		}
	}
	return ""
}

// play has the models answer. Without a check they may come to a transition that there is
// not, and stop: Kafka answers UNKNOWN_SERVER_ERROR there.
func play(rules model.Rules, steps []specified.Step, held bool) (answered []specified.Answered, ok bool) {
	defer func() {
		if recover() != nil {
			answered, ok = nil, false
		}
	}()
	answered, err := specified.Play(rules, steps, held)
	return answered, err == nil
}
