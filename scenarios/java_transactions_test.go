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
		client := java.NewTransactions(java.Config{TransactionVersion: version}, w.Dial("app", "coordinator"), w.Dial("app", "B0"))
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
