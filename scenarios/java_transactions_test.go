package scenarios_test

import (
	"fmt"
	"testing"

	"racelab/model"
	"racelab/model/app"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer/java"
	"racelab/sim"
	"racelab/sim/explore"
)

// Goal: INVALID_PRODUCER_ID_MAPPING on Produce can be aborted in 3.9, and is fatal since
// 4.0 (KAFKA-18019). Method: the leader answers so to the first of two transactions.
func TestJavaInvalidProducerIDMapping(t *testing.T) {
	for version, want := range map[model.TransactionVersion]string{
		model.TV1: "[Send INVALID_PRODUCER_ID_MAPPING, AbortableError AbortTxn ok, Ready CommitTxn ok, Ready]",
		model.TV2: "[Send INVALID_PRODUCER_ID_MAPPING, FatalError" +
			" AbortTxn INVALID_PRODUCER_ID_MAPPING, FatalError AbortTxn INVALID_PRODUCER_ID_MAPPING, FatalError]",
	} {
		w := sim.NewWorld()
		defer w.Close()
		p0 := []model.Partition{0}
		transactions := coordinator.NewTransactions(coordinator.TransactionsConfig{
			TransactionalIDs: 1, ScanInterval: -1, Brokers: []coordinator.Broker{{Name: "B0", Partitions: p0}},
		})
		leader := broker.New(broker.Config{
			Partitions: p0, ProduceRequests: 1,
			Refusals: []broker.Refusal{{Record: 0, Error: model.ErrInvalidProducerIDMapping}},
		})
		w.AddNode("coordinator", transactions)
		w.AddNode("B0", leader)
		transactions.Connect(w.Dial("coordinator", "B0"))
		leader.Connect(w.Dial("B0", "coordinator"))
		client := java.NewTransactions(java.Config{TransactionVersion: version}, w.Dial("sender", "coordinator"), w.Dial("sender", "B0"))
		w.GoProgram("sender", client.Sender())
		w.GoProgram("app", app.NewTransactional(client, app.TxnPlan{Transactions: 2, Records: 1, Partitions: 1, Tries: 1}))
		var returned []string
		p := sim.NewProperty("returned", nil)
		sim.On(p, sim.Returned, func(_ *sim.Claim, _ sim.Act, r *model.TxnReturned) {
			switch {
			case r.Call == model.Send && r.OK(), r.Call == model.InitTransactions, r.Call == model.BeginTxn:
			default:
				returned = append(returned, fmt.Sprintf("%v %v", r.Call, r))
			}
		})
		w.Watch(p)
		for len(explore.Of(w).Enabled()) > 0 {
			explore.Of(w).Take(0)
		}
		if got := fmt.Sprint(returned); got != want {
			t.Errorf("%v: %s, want %s", version, got, want)
		}
	}
}

// Goal: a commit inside a window of 505 ms, 50 ms after its record, throws a
// TimeoutException after max.block.ms, 100 ms. From then on abortTransaction and
// beginTransaction throw an IllegalStateException; commitTransaction waits on, and
// succeeds.
//
// Source: KafkaProducer.commitTransaction; handleCachedTransactionRequestResult and
// throwIfPendingState of TransactionManager.
func TestJavaCommitTimesOut(t *testing.T) {
	const first = "150ms CommitTxn REQUEST_TIMED_OUT, EndTransaction; "
	for _, test := range []struct{ repeat, want string }{
		{"no", first + "150ms AbortTxn not allowed, EndTransaction; 150ms AbortTxn not allowed, EndTransaction; 150ms BeginTxn not allowed, EndTransaction; "},
		{"yes", first + "250ms CommitTxn REQUEST_TIMED_OUT, EndTransaction; 350ms CommitTxn REQUEST_TIMED_OUT, EndTransaction; " +
			"450ms CommitTxn REQUEST_TIMED_OUT, EndTransaction; 520ms CommitTxn ok, Ready; "},
	} {
		c := converse(t, "java", "transactions=2", "lag=505ms", "inside=50ms", "ends=commit", "timeout=100ms", "repeat="+test.repeat)
		got := ""
		for _, r := range c.returned[5:] { // after the first transaction and BeginTxn of the second
			got += fmt.Sprintf("%v %v %v; ", r.at, r.Call, r.TxnReturned)
		}
		if got != test.want {
			t.Errorf("repeat %s: %s; want %s", test.repeat, got, test.want)
		}
	}
}
