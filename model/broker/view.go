package broker

import (
	"slices"

	"racelab/model"
)

// Committed is what a read_committed consumer gets that reads a partition from its
// start, and whether that is all there is: nothing is undecided.
func (b *Broker) Committed(p model.Partition) (records []model.Record, all bool) {
	log := b.log(p)
	if log == nil {
		return nil, true
	}
	response := log.fetch(&model.FetchRequest{Partition: p, FetchOffset: log.logStart, IsolationLevel: model.ReadCommitted})
	return response.Committed(0), response.LastStableOffset == response.HighWatermark
}

// Agree says whether all brokers that have a partition hold the same of it.
func Agree(p model.Partition, brokers ...*Broker) bool {
	same := func(a, b model.RecordBatch) bool {
		return a.BaseOffset == b.BaseOffset && a.ProducerID == b.ProducerID && a.ProducerEpoch == b.ProducerEpoch &&
			a.BaseSequence == b.BaseSequence && a.Control == b.Control && slices.Equal(a.Records, b.Records)
	}
	var first *partitionLog
	for _, b := range brokers {
		log := b.hosted(p)
		switch {
		case log == nil:
		case first == nil:
			first = log
		case !slices.EqualFunc(first.batches, log.batches, same):
			return false
		}
	}
	return true
}

// Offset is what the group has committed of a partition, and whether no transaction
// holds it.
func (b *Broker) Offset(p model.Partition) (at model.Offset, stable bool) {
	at = model.NoOffset
	if i, found := b.offsets.find(p); found {
		at = b.offsets.committed[i].Offset
	}
	return at, !slices.ContainsFunc(b.offsets.pending, func(o pendingOffset) bool { return o.Partition == p })
}

// Replayed is what Offset would say after the group coordinator had loaded its log
// again.
func (b *Broker) Replayed(p model.Partition) model.Offset {
	anew := offsetMetadata{rules: b.config.Rules}
	for i := range b.log(model.ConsumerOffsets).batches {
		anew.replay(&b.log(model.ConsumerOffsets).batches[i])
	}
	if i, found := anew.find(p); found {
		return anew.committed[i].Offset
	}
	return model.NoOffset
}
