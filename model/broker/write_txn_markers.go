package broker

import (
	"slices"

	"racelab/model"
	"racelab/sim"
)

// takeMarkers has markers written. That is answered when all replicas have
// them, and until then nobody sees them.
//
// Source: KafkaApis.handleWriteTxnMarkersRequest.
// Differs: the leader has them no earlier than the replicas; requests are
// written one after the other, as the coordinator sends them.
func (b *Broker) takeMarkers(e sim.Envelope, out *sim.Outbox) {
	b.markers = append(b.markers, e)
	if len(b.markers) == 1 {
		b.replicate(out)
	}
}

// replicate sees to the oldest WriteTxnMarkers, and to those behind it.
func (b *Broker) replicate(out *sim.Outbox) {
	for len(b.markers) > 0 {
		if d := b.config.MarkerAppend.Draw(&b.draws); d > 0 {
			out.After(markersReplicated, d)
			return
		}
		b.replicated(out)
	}
}

// replicated writes the oldest, and answers it.
func (b *Broker) replicated(out *sim.Outbox) {
	e := b.markers[0]
	b.markers = slices.Delete(b.markers, 0, 1)
	request := e.Message.(*model.WriteTxnMarkersRequest)
	d := b.writeTxnMarkers(e, request, out)
	if b.isDelayed(&d) || !b.forgetsToAnswer(request) {
		b.answer(d, out)
	}
}

// forgetsToAnswer says of markers that are all written by now whether the last of several
// has no partition here. Whoever writes a marker answers if it was the last;
// whoever skips one does not look. A request with nothing to write is answered.
//
// Source: KafkaApis.handleWriteTxnMarkersRequest, numAppends and skippedMarkers.
func (b *Broker) forgetsToAnswer(request *model.WriteTxnMarkersRequest) bool {
	skipped := func(m model.TxnMarker) bool {
		return !slices.ContainsFunc(m.Partitions, func(p model.Partition) bool { return b.hosted(p) != nil })
	}
	last := len(request.Markers) - 1
	return !b.config.Rules.Has(model.AnswerWhenSkipped) && skipped(request.Markers[last]) &&
		slices.ContainsFunc(request.Markers, func(m model.TxnMarker) bool { return !skipped(m) })
}

// writeTxnMarkers writes how transactions ended.
//
// Source: KafkaApis.handleWriteTxnMarkersRequest.
func (b *Broker) writeTxnMarkers(e sim.Envelope, request *model.WriteTxnMarkersRequest, out *sim.Outbox) delayedAppend {
	d := delayedAppend{request: e}
	for i := range request.Markers {
		marker := &request.Markers[i]
		result := model.TxnMarkerResult{ProducerID: marker.ProducerID}
		for _, p := range marker.Partitions {
			log, err := b.led(p)
			if err == model.None {
				err = b.writeMarker(log, marker)
				b.endsTransaction(p, marker, err, out)
			}
			if err == model.None {
				d.waitFor(log, log.logEndOffset())
			}
			outcome := model.PartitionError{Partition: p, Error: err}
			result.Partitions = append(result.Partitions, outcome)
		}
		d.markers = append(d.markers, result)
	}
	return d
}

// writeMarker writes a marker, unless what comes and goes is in the way.
func (b *Broker) writeMarker(log *partitionLog, marker *model.TxnMarker) model.Error {
	if log.partition == model.ConsumerOffsets && b.failed {
		return model.ErrNotLeaderOrFollower
	}
	for i, refusal := range b.config.MarkerRefusals {
		if refusal.ProducerID == marker.ProducerID && !b.refusedMarkers[i] {
			b.refusedMarkers[i] = true
			return refusal.Error
		}
	}
	return log.appendEndTxnMarker(marker)
}
