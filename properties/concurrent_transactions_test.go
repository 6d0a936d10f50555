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
	back := func(r model.TxnReturned) sim.Act {
		return sim.Act{Action: sim.Returned, Actor: "app", Message: &r}
	}
	ok := func(call model.TxnCall) sim.Act { return back(model.TxnReturned{Call: call}) }
	refused := func(call model.TxnCall, code model.Error, status model.TxnStatus) sim.Act {
		return back(model.TxnReturned{Call: call, Error: code, Status: status, Budget: "1 x 1 tries"})
	}
	notAllowed := back(model.TxnReturned{Call: model.BeginTxn, NotAllowed: true, Status: model.TxnInitializing})
	gaveUp := sim.Act{Action: sim.Called, Actor: "app", Message: &model.GaveUp{}}
	lost := func(code model.Error) sim.Act {
		return sim.Act{Action: sim.Called, Actor: "app", Message: &model.TxnLost{Error: code}}
	}
	answered := func(m sim.Message) sim.Act {
		return sim.Act{Action: sim.Answered, Actor: "coordinator", Message: m}
	}
	for _, test := range []struct {
		name   string
		oracle *sim.Property
		acts   []sim.Act
		want   string // tested, and the error
	}{
		{"sent", properties.BegunTransactionsCanWrite(), []sim.Act{ok(model.Send)}, "true <nil>"},
		{"too large", properties.BegunTransactionsCanWrite(), []sim.Act{refused(model.Send, model.ErrMessageTooLarge, model.TxnAbortableError)}, "true <nil>"},
		{"not sent", properties.BegunTransactionsCanWrite(), []sim.Act{refused(model.Send, ct, model.TxnAbortableError)},
			"true app could not write to a transaction that it was let begin: CONCURRENT_TRANSACTIONS, until 1 x 1 tries ran out"},
		{"an abort that fails", properties.BegunTransactionsCanWrite(), []sim.Act{refused(model.AbortTxn, ct, model.TxnInitializing)}, "not watched"},

		{"committed", properties.CommitsMakeProgress(), []sim.Act{ok(model.CommitTxn)}, "true <nil>"},
		{"lost, and had to be", properties.CommitsMakeProgress(), []sim.Act{lost(model.ErrMessageTooLarge)}, "true <nil>"},
		{"lost", properties.CommitsMakeProgress(), []sim.Act{lost(ct)}, "true app could not commit a transaction for CONCURRENT_TRANSACTIONS, and went on without it"},
		{"gave up", properties.CommitsMakeProgress(), []sim.Act{gaveUp}, "true app gave up with transactions left to commit"},

		{"begin after abort", properties.AbortAllowsBegin(), []sim.Act{ok(model.AbortTxn), ok(model.BeginTxn)}, "true <nil>"},
		{"no begin after abort", properties.AbortAllowsBegin(), []sim.Act{ok(model.AbortTxn), notAllowed},
			"true AbortTxn of app succeeded, and then BeginTxn did not: not allowed, Initializing"},
		{"no begin after an abort that failed", properties.AbortAllowsBegin(), []sim.Act{refused(model.AbortTxn, ct, model.TxnInitializing), notAllowed}, "false <nil>"},
		{"no begin, long after", properties.AbortAllowsBegin(), []sim.Act{ok(model.AbortTxn), ok(model.BeginTxn), notAllowed}, "false <nil>"},

		{"a slow coordinator", properties.DelayIsNeverFatal(), []sim.Act{answered(&model.InitProducerIDResponse{Error: ct})}, "true <nil>"},
		{"a coordinator", properties.DelayIsNeverFatal(), []sim.Act{answered(&model.EndTxnResponse{})}, "not watched"},
		{"a slow leader", properties.DelayIsNeverFatal(), []sim.Act{answered(&model.ProduceResponse{Partitions: []model.ProducePartitionResponse{{Error: ct}}})}, "true <nil>"},
		{"slow and abortable", properties.DelayIsNeverFatal(), []sim.Act{refused(model.Send, ct, model.TxnAbortableError)}, "false <nil>"},
		{"fenced and fatal", properties.DelayIsNeverFatal(), []sim.Act{refused(model.Send, model.ErrProducerFenced, model.TxnFatalError)}, "false <nil>"},
		{"slow and fatal", properties.DelayIsNeverFatal(), []sim.Act{refused(model.AbortTxn, ct, model.TxnFatalError)},
			"true AbortTxn of app ended in FatalError for CONCURRENT_TRANSACTIONS"},

		{"not allowed, and goes on", properties.AlwaysRecoverable(), []sim.Act{notAllowed}, "true <nil>"},
		{"led on", properties.AlwaysRecoverable(), []sim.Act{gaveUp, ok(model.BeginTxn), ok(model.Send)}, "true <nil>"},
		{"stuck", properties.AlwaysRecoverable(), []sim.Act{gaveUp, notAllowed},
			"true app gave up, and after one more AbortTxn its BeginTxn came back with: not allowed, Initializing"},
		{"led astray", properties.AlwaysRecoverable(), []sim.Act{gaveUp, ok(model.BeginTxn), refused(model.Send, model.ErrOutOfOrderSequenceNumber, model.TxnAbortableError)},
			"true app gave up, and after one more AbortTxn its Send came back with: OUT_OF_ORDER_SEQUENCE_NUMBER, AbortableError"},
		{"slow again", properties.AlwaysRecoverable(), []sim.Act{gaveUp, ok(model.BeginTxn), refused(model.Send, ct, model.TxnAbortableError)}, "true <nil>"},
	} {
		got := ""
		for _, act := range test.acts {
			got = "not watched"
			if seen, tested, err := test.oracle.Judge(act); seen {
				got = fmt.Sprintf("%v %v", tested, err)
			}
		}
		if got != test.want {
			t.Errorf("%s, %s: %s, want %s", test.oracle.Name(), test.name, got, test.want)
		}
	}
}
