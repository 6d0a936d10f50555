package properties_test

import (
	"fmt"
	"testing"

	"racelab/model"
	"racelab/properties"
	"racelab/sim"
)

// Goal: the oracles refuse what they should, and nothing else. Method: histories
// of one application, of which the last act is judged.
func TestConcurrentTransactionsOracles(t *testing.T) {
	const ct = model.ErrConcurrentTransactions
	back := func(r model.TxnReturned) sim.Observation {
		return sim.Observation{Action: sim.Returned, Actor: "app", Message: &r}
	}
	ok := func(call model.TxnCall) sim.Observation { return back(model.TxnReturned{Call: call}) }
	refused := func(call model.TxnCall, code model.Error, status model.TxnStatus) sim.Observation {
		return back(model.TxnReturned{Call: call, Error: code, Status: status, Budget: "1 x 1 tries"})
	}
	notAllowed := back(model.TxnReturned{Call: model.BeginTxn, NotAllowed: true, Status: model.TxnInitializing})
	gaveUp := sim.Observation{Action: sim.Called, Actor: "app", Message: &model.GaveUp{}}
	lost := func(code model.Error) sim.Observation {
		return sim.Observation{Action: sim.Called, Actor: "app", Message: &model.TxnLost{Error: code}}
	}
	answered := func(m sim.Message) sim.Observation {
		return sim.Observation{Action: sim.Answered, Actor: "coordinator", Message: m}
	}
	for _, test := range []struct {
		name   string
		oracle sim.Property
		acts   []sim.Observation
		want   string // tested, and the error
	}{
		{"sent", &properties.BegunTransactionsCanWrite{}, []sim.Observation{ok(model.Send)}, "true <nil>"},
		{"too large", &properties.BegunTransactionsCanWrite{}, []sim.Observation{refused(model.Send, model.ErrMessageTooLarge, model.TxnAbortableError)}, "true <nil>"},
		{"not sent", &properties.BegunTransactionsCanWrite{}, []sim.Observation{refused(model.Send, ct, model.TxnAbortableError)},
			"true app could not write to a transaction that it was let begin: CONCURRENT_TRANSACTIONS, until 1 x 1 tries ran out"},
		{"an abort that fails", &properties.BegunTransactionsCanWrite{}, []sim.Observation{refused(model.AbortTxn, ct, model.TxnInitializing)}, "not watched"},

		{"committed", &properties.CommitsMakeProgress{}, []sim.Observation{ok(model.CommitTxn)}, "true <nil>"},
		{"lost, and had to be", &properties.CommitsMakeProgress{}, []sim.Observation{lost(model.ErrMessageTooLarge)}, "true <nil>"},
		{"lost", &properties.CommitsMakeProgress{}, []sim.Observation{lost(ct)}, "true app could not commit a transaction for CONCURRENT_TRANSACTIONS, and went on without it"},
		{"gave up", &properties.CommitsMakeProgress{}, []sim.Observation{gaveUp}, "true app gave up with transactions left to commit"},

		{"begin after abort", &properties.AbortAllowsBegin{}, []sim.Observation{ok(model.AbortTxn), ok(model.BeginTxn)}, "true <nil>"},
		{"no begin after abort", &properties.AbortAllowsBegin{}, []sim.Observation{ok(model.AbortTxn), notAllowed},
			"true AbortTxn of app succeeded, and then BeginTxn did not: not allowed, Initializing"},
		{"no begin after an abort that failed", &properties.AbortAllowsBegin{}, []sim.Observation{refused(model.AbortTxn, ct, model.TxnInitializing), notAllowed}, "false <nil>"},
		{"no begin, long after", &properties.AbortAllowsBegin{}, []sim.Observation{ok(model.AbortTxn), ok(model.BeginTxn), notAllowed}, "false <nil>"},

		{"a slow coordinator", &properties.SlownessIsNotFatal{}, []sim.Observation{answered(&model.InitProducerIDResponse{Error: ct})}, "true <nil>"},
		{"a coordinator", &properties.SlownessIsNotFatal{}, []sim.Observation{answered(&model.EndTxnResponse{})}, "not watched"},
		{"a slow leader", &properties.SlownessIsNotFatal{}, []sim.Observation{answered(&model.ProduceResponse{Partitions: []model.ProducePartitionResponse{{Error: ct}}})}, "true <nil>"},
		{"slow and abortable", &properties.SlownessIsNotFatal{}, []sim.Observation{refused(model.Send, ct, model.TxnAbortableError)}, "false <nil>"},
		{"fenced and fatal", &properties.SlownessIsNotFatal{}, []sim.Observation{refused(model.Send, model.ErrProducerFenced, model.TxnFatalError)}, "false <nil>"},
		{"slow and fatal", &properties.SlownessIsNotFatal{}, []sim.Observation{refused(model.AbortTxn, ct, model.TxnFatalError)},
			"false AbortTxn of app ended in FatalError for CONCURRENT_TRANSACTIONS"},

		{"not allowed, and goes on", &properties.SomeCallLeadsOn{}, []sim.Observation{notAllowed}, "true <nil>"},
		{"led on", &properties.SomeCallLeadsOn{}, []sim.Observation{gaveUp, ok(model.BeginTxn), ok(model.Send)}, "true <nil>"},
		{"stuck", &properties.SomeCallLeadsOn{}, []sim.Observation{gaveUp, notAllowed},
			"true app gave up, and after one more AbortTxn its BeginTxn came back with: not allowed, Initializing"},
		{"led astray", &properties.SomeCallLeadsOn{}, []sim.Observation{gaveUp, ok(model.BeginTxn), refused(model.Send, model.ErrOutOfOrderSequenceNumber, model.TxnAbortableError)},
			"true app gave up, and after one more AbortTxn its Send came back with: OUT_OF_ORDER_SEQUENCE_NUMBER, AbortableError"},
		{"slow again", &properties.SomeCallLeadsOn{}, []sim.Observation{gaveUp, ok(model.BeginTxn), refused(model.Send, ct, model.TxnAbortableError)}, "true <nil>"},
	} {
		got := ""
		for _, act := range test.acts {
			got = "not watched"
			if test.oracle.Watches(act) {
				tested, err := test.oracle.Observe(act)
				got = fmt.Sprintf("%v %v", tested, err)
			}
		}
		if got != test.want {
			t.Errorf("%s, %s: %s, want %s", test.oracle.Name(), test.name, got, test.want)
		}
	}
}
