package kgo

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// What an application does that writes in transactions. All its records are of
// one, which it aborts and writes anew when any of them fails.
//
// Source: Client.BeginTransaction and EndTransaction of franz-go 1.22.2, KIP-890.
// Differs: NewClient and the first BeginTransaction are one; the transaction
// version is TV2; see Transactions for errors of the coordinator, which do not
// come here.

// beginTransaction asks for the producer id. Whoever submits waits for that.
func (a *Application) beginTransaction(t *sim.Task) {
	t.Step(PointBegin)
	a.coordinator.Send(t, &model.InitProducerIDRequest{
		Version: 4, TransactionTimeout: 40 * time.Second, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch,
	})
	response := a.coordinator.Receive(t.At(producer.PointAwaitID)).(*model.InitProducerIDResponse)
	a.mustBe(response.Error)
	a.producerID.Store(t, int64(response.ProducerID))
	a.epoch = int32(response.ProducerEpoch)
	a.resetProducerSequences(t)
	a.app.begun.Done(t)
}

// endTransaction commits or aborts. The answer holds the epoch of the next one.
func (a *Application) endTransaction(t *sim.Task) {
	a.coordinator.Send(t, &model.EndTxnRequest{
		Version: 5, ProducerID: model.ProducerID(a.producerID.Load(t)), ProducerEpoch: model.ProducerEpoch(a.epoch), Result: a.result,
	})
	response := a.coordinator.Receive(t.At(producer.PointAwaitEnd)).(*model.EndTxnResponse)
	a.mustBe(response.Error)
	a.result = model.Abort
	a.producerID.Store(t, int64(response.ProducerID))
	a.epoch = int32(response.ProducerEpoch)
	a.resetProducerSequences(t)
}

func (a *Application) mustBe(code model.Error) {
	if code != model.None {
		panic(fmt.Sprintf("kgo: the coordinator answers %v: worlds of this client have one transaction at a time", code))
	}
}

// resetProducerSequences is resetAllProducerSequences: the new epoch begins at 0.
func (a *Application) resetProducerSequences(t *sim.Task) {
	a.recBuf().mu.Lock(t.At(PointResetSequences))
	b := a.recBuf()
	b.epoch.Set(t, a.epoch)
	b.seq.Set(t, 0)
	b.batch0Seq.Set(t, 0)
	b.mu.Unlock(t)
}

// abortTransaction aborts, while nobody produces, and hands over again all that
// was in the transaction, whether it had failed or not.
func (a *Application) abortTransaction(t *sim.Task) {
	a.app.gate.Lock(t.At(PointGate))
	a.flush(t)
	a.endTransaction(t)
	a.app.acked.Store(t, 0)
	a.app.failed.Set(t)
	for a.left = 0; int(a.left) < a.app.submitted.Len(t); a.left++ {
		a.pr, a.again = promisedRec(a.app.submitted.Get(t)[a.left]), true
		a.produce(t)
	}
	a.left, a.record = 0, 0
	a.app.gate.Unlock(t)
}
