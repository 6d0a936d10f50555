package sarama

import (
	"racelab/model"
	"racelab/sim"
)

// produceSet is the messages of a request, which follow one another.
//
// Source: produceSet, responsePromise.
type produceSet int64

func setOf(first model.Record, count int32) produceSet {
	return produceSet(int64(first)<<32 | int64(count))
}

func (s produceSet) first() model.Record { return model.Record(s >> 32) }
func (s produceSet) count() int32        { return int32(s) }

// request is what goes on the wire.
func (s produceSet) request() *model.ProduceRequest {
	batch := model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence}
	for i := range s.count() {
		batch.Records = append(batch.Records, s.first()+model.Record(i))
	}
	return &model.ProduceRequest{TransactionalID: model.NoTransactionalID, Partitions: []model.PartitionBatch{{Batch: batch}}}
}

// tell reports how the messages fared to the application.
func (s produceSet) tell(t *sim.Task, notConnected bool) {
	for i := range s.count() {
		t.Return(&model.Produced{Record: s.first() + model.Record(i), NotConnected: notConnected})
	}
}
