package properties_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"racelab/model"
	"racelab/properties"
	"racelab/sim"
)

// txnAct reads an act of a history under TV2: "A inits", "A has 1/0", "A commits 1/0",
// "A aborts 1/0", "A ends 1/1", "A fenced", "A moved", "A cut".
func txnAct(t *testing.T, text string) sim.Act {
	t.Helper()
	words := strings.Fields(text)
	o := sim.Act{Action: sim.Received, Actor: words[0], Peer: "C"}
	id, epoch := model.NoProducerID, model.NoProducerEpoch
	if len(words) == 3 {
		if _, err := fmt.Sscanf(words[2], "%d/%d", &id, &epoch); err != nil {
			t.Fatal(err)
		}
	}
	end := func(result model.TransactionResult) {
		o.Action, o.Message = sim.Sent, &model.EndTxnRequest{Version: 5, ProducerID: id, ProducerEpoch: epoch, Result: result}
	}
	switch words[1] {
	case "inits":
		o.Action, o.Message = sim.Sent, &model.InitProducerIDRequest{ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch}
	case "has":
		o.Message = &model.InitProducerIDResponse{ProducerID: id, ProducerEpoch: epoch}
	case "commits":
		end(model.Commit)
	case "aborts":
		end(model.Abort)
	case "ends":
		o.Message = &model.EndTxnResponse{ProducerID: id, ProducerEpoch: epoch}
	case "fenced":
		o.Message = &model.EndTxnResponse{Error: model.ErrProducerFenced, ProducerID: -1, ProducerEpoch: -1}
	case "moved":
		o.Message = &model.EndTxnResponse{Error: model.ErrNotCoordinator, ProducerID: -1, ProducerEpoch: -1}
	case "cut":
		o.Message = sim.ErrBroken
	default:
		t.Fatalf("%q is no act", text)
	}
	return o
}

// judged is what an oracle says of the last act of a history.
func judged(t *testing.T, whole bool, acts []string) (err error) {
	t.Helper()
	oracle := properties.TransactionHistoryIsFenced(&properties.TransactionHistory{Clients: []string{"A", "B", "C"}, Whole: whole})
	for _, text := range acts {
		_, _, err = oracle.Judge(txnAct(t, text))
	}
	return err
}

// Goal: what the oracle forgets of a history tells nothing of what comes. Method: drawn
// histories of three clients, some calls of them lost, against an oracle that forgets
// nothing. An act that is refused is drawn anew.
func TestTransactionHistoryForgets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(from ...string) string { return from[random.IntN(len(from))] }
	accepted, refused := 0, 0
	for range 2000 {
		var acts []string
		asks := map[string]string{} // by client: what it awaits
		last := 0                   // the largest epoch
		for range 16 {
			who := draw("A", "B", "C")
			what, answer := draw("inits", "commits", "aborts"), false
			switch asks[who] {
			case "inits":
				what, answer = draw("has", "has", "has", "cut"), true
			case "commits", "aborts":
				what, answer = draw("ends", "fenced", "cut"), true
			}
			text, epoch := who+" "+what, last
			if !slices.Contains([]string{"inits", "fenced", "cut"}, what) {
				epoch = max(0, last+random.IntN(3)-1)
				text += fmt.Sprintf(" 1/%d", epoch)
			}
			next := append(slices.Clip(acts), text)
			if answer {
				err, want := judged(t, false, next), judged(t, true, next)
				if (err != nil) != (want != nil) {
					t.Fatalf("%s: %v; with the whole history %v", strings.Join(next, "; "), err, want)
				}
				if want != nil {
					refused++
					continue
				}
				accepted, what = accepted+1, ""
			}
			acts, last, asks[who] = next, max(last, epoch), what
		}
	}
	if accepted == 0 || refused == 0 {
		t.Errorf("%d answers are accepted, and %d refused; want some of either", accepted, refused)
	}
}

// Goal: the oracle accepts what a fenced register answers, and refuses the last answer of
// each history that none does.
func TestTransactionHistory(t *testing.T) {
	for _, test := range []struct {
		name, history string
		refused       bool
	}{
		{"a commit", "A inits; A has 1/0; A commits 1/0; A ends 1/1", false},
		{"a second try", "A inits; A has 1/0; A commits 1/0; A cut; A commits 1/0; A ends 1/1", false},
		{"a second try of what may have been done before the move", "A inits; A has 1/0; A commits 1/0; A moved; A commits 1/0; A ends 1/1", false},
		{"two owners", "A inits; A has 1/0; B inits; B has 1/0", true},
		{"a zombie ends", "A inits; A has 1/0; B inits; B has 1/1; A commits 1/0; A ends 1/1", true},
		{"a zombie is fenced", "A inits; A has 1/0; B inits; B has 1/1; A commits 1/0; A fenced", false},
		{"fenced by one that was not told", "A inits; A has 1/0; B inits; B cut; A commits 1/0; A fenced", false},
		{"fenced by nobody", "A inits; A has 1/0; A commits 1/0; A fenced", true},
		{"ends before it is replaced", "A inits; A has 1/0; A commits 1/0; B inits; B has 1/2; A ends 1/1", false},
		{"both results", "A inits; A has 1/0; A commits 1/0; A ends 1/1; A aborts 1/0; A ends 1/2", true},
		{"a forgotten commit", "A inits; A has 1/0; A commits 1/0; A ends 1/1; A aborts 1/1; A fenced", true},
	} {
		oracle := properties.TransactionHistoryIsFenced(&properties.TransactionHistory{Clients: []string{"A", "B"}})
		acts := strings.Split(test.history, "; ")
		for i, text := range acts {
			seen, _, err := oracle.Judge(txnAct(t, text))
			if want := test.refused && i == len(acts)-1; !seen || (err != nil) != want {
				t.Errorf("%s, %q: %v (seen: %v), want refused %v", test.name, text, err, seen, want)
			}
		}
		if seen, _, err := oracle.Judge(txnAct(t, "A commits 1/0")); seen == test.refused || err != nil {
			t.Errorf("%s, and then a call: %v (seen: %v), want that a broken history is over", test.name, err, seen)
		}
	}
}
