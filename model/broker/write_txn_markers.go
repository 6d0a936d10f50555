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
	out.Reply(e, b.writeTxnMarkers(e.Message.(*model.WriteTxnMarkersRequest), out))
}

// writeTxnMarkers writes how transactions ended.
//
// Source: KafkaApis.handleWriteTxnMarkersRequest.
func (b *Broker) writeTxnMarkers(request *model.WriteTxnMarkersRequest, out *sim.Outbox) *model.WriteTxnMarkersResponse {
	response := &model.WriteTxnMarkersResponse{}
	for i := range request.Markers {
		marker := &request.Markers[i]
		result := model.TxnMarkerResult{ProducerID: marker.ProducerID}
		for _, p := range marker.Partitions {
			outcome := model.PartitionError{Partition: p, Error: model.ErrUnknownTopicOrPartition}
			if log := b.log(p); log != nil {
				outcome.Error = log.appendEndTxnMarker(marker)
				b.endsTransaction(p, marker, outcome.Error, out)
			}
			result.Partitions = append(result.Partitions, outcome)
		}
		response.Markers = append(response.Markers, result)
	}
	return response
}
