package java

import (
	"cmp"
	"slices"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// SenderConfig is a producer's configuration.
type SenderConfig struct {
	// Idempotent is enable.idempotence.
	Idempotent bool
	// InFlight is max.in.flight.requests.per.connection. With 1 the partition is muted
	// while a batch is out (guaranteeMessageOrder), which for one partition is the same.
	//
	// Default: 5, which bounds an idempotent producer's.
	InFlight int
	// Retries is how often a batch is sent again.
	//
	// Default: 2,147,483,647; what ends is delivery.timeout.ms.
	Retries int32
}

// batch is a ProducerBatch.
type batch struct {
	records  []model.Record
	sequence model.Sequence
	epoch    model.ProducerEpoch
	numbered bool
	attempts int32 // beyond the first
	reset    bool  // its sequence number has been rewritten
}

// Sender is the thread that sends: Sender with RecordAccumulator, for a producer
// without transactions.
//
// Source: Sender.runOnce, completeBatch, canRetry and failBatch; RecordAccumulator.drain,
// reenqueue and shouldStopDrainBatchesForPartition; TransactionManager.canRetry,
// handleFailedBatch and bumpIdempotentProducerEpoch of Kafka 3.9.
// Differs: one partition, whose leader stays. A producer has its id from the start. No
// linger: a batch is ready as it has a record. Backoffs and timeouts take no time.
type Sender struct {
	config SenderConfig `sim:"config"`
	in     *producer.Input
	pipe   *producer.Pipe

	deque    []batch          // to be sent
	inFlight []batch          // in the order of their requests
	tracked  []model.Sequence // of what was sent and has no outcome yet
	next     model.Sequence
	acked    model.Sequence // the last one; before the first: -1
	epoch    model.ProducerEpoch
	bumps    bool // a new epoch is due
}

// NewSender returns the thread that sends.
func NewSender(in *producer.Input, pipe *producer.Pipe, config SenderConfig) *Sender {
	return &Sender{config: config, in: in, pipe: pipe, acked: -1}
}

func (s *Sender) Run(t *sim.Task) {
	for {
		switch t.At(producer.PointPoll).Select(s.in.Records.Receiving(), s.pipe.Answers.Receiving()) {
		case &s.in.Records:
			r, ok := s.in.Records.Received(t)
			if !ok {
				s.pipe.Close(t)
				return
			}
			s.append(r)
		default:
			refusal, _ := s.pipe.Answers.Received(t)
			s.completeBatch(t, refusal)
			if refusal == model.ErrNetworkException {
				s.processDisconnection(t)
			}
		}
		s.bumpIdempotentProducerEpoch()
		for s.ready() {
			s.drain(t)
		}
	}
}

// append puts a record into the last batch, if that takes one more.
func (s *Sender) append(r model.Record) {
	if n := len(s.deque); n > 0 && !s.deque[n-1].numbered && s.deque[n-1].attempts == 0 {
		s.deque[n-1].records = append(s.deque[n-1].records, r)
		return
	}
	s.deque = append(s.deque, batch{records: []model.Record{r}})
}

// ready says whether the first batch may go out. Of batches that are sent again only
// the first without an outcome may.
func (s *Sender) ready() bool {
	if len(s.deque) == 0 || len(s.inFlight) >= s.config.InFlight {
		return false
	}
	first := &s.deque[0]
	return !first.numbered || first.sequence == s.tracked[0]
}

// drain sends the first batch. It gets its sequence number here, once.
func (s *Sender) drain(t *sim.Task) {
	b := s.deque[0]
	s.deque = slices.Delete(s.deque, 0, 1)
	if s.config.Idempotent && !b.numbered {
		b.sequence, b.epoch, b.numbered = s.next, s.epoch, true
		s.next += model.Sequence(len(b.records))
		s.tracked = append(s.tracked, b.sequence)
	}
	s.inFlight = append(s.inFlight, b)
	request := model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence, Records: slices.Clone(b.records)}
	if s.config.Idempotent {
		request.ProducerID, request.ProducerEpoch, request.BaseSequence = 1, b.epoch, b.sequence
	}
	s.pipe.Send(t, request)
}

// completeBatch takes the answer to the oldest request.
func (s *Sender) completeBatch(t *sim.Task, refusal model.Error) {
	b := s.inFlight[0]
	s.inFlight = slices.Delete(s.inFlight, 0, 1)
	if refusal != model.None && s.canRetry(b, refusal) {
		b.attempts++
		s.reenqueue(b)
		return
	}
	if b.numbered {
		s.tracked = slices.DeleteFunc(s.tracked, func(n model.Sequence) bool { return n == b.sequence })
		switch {
		case refusal == model.None:
			s.acked = b.sequence + model.Sequence(len(b.records)) - 1
		case refusal == model.ErrOutOfOrderSequenceNumber || b.attempts < s.config.Retries:
			s.bumps = true
		}
	}
	for _, r := range b.records {
		s.in.Outcome(t, r, refusal)
	}
}

// processDisconnection completes what was in flight on the connection, the oldest first,
// before anything goes out on a new one.
//
// Source: NetworkClient.processDisconnection and cancelInFlightRequests.
func (s *Sender) processDisconnection(t *sim.Task) {
	for len(s.inFlight) > 0 {
		refusal, _ := s.pipe.Answers.Receive(t.At(producer.PointLost))
		s.completeBatch(t, refusal)
	}
	s.pipe.Redial(t)
}

// canRetry says whether a refused batch is sent again. One that is out of order because
// of one before it is; of another the epoch is bumped.
func (s *Sender) canRetry(b batch, refusal model.Error) bool {
	switch {
	case b.attempts >= s.config.Retries:
		return false
	case refusal != model.ErrOutOfOrderSequenceNumber:
		return refusal == model.ErrNotLeaderOrFollower || refusal == model.ErrNetworkException
	case !b.reset && b.sequence == s.acked+1:
		s.bumps = true
	}
	return true
}

// reenqueue puts a batch back: an idempotent producer's by its sequence number, another
// one's in front.
func (s *Sender) reenqueue(b batch) {
	at := 0
	if b.numbered {
		at, _ = slices.BinarySearchFunc(s.deque, b, func(x, b batch) int {
			if !x.numbered {
				return 1
			}
			return cmp.Compare(x.sequence, b.sequence)
		})
	}
	s.deque = slices.Insert(s.deque, at, b)
}

// bumpIdempotentProducerEpoch begins a new epoch, if one is due, with what has no
// outcome yet.
func (s *Sender) bumpIdempotentProducerEpoch() {
	if !s.bumps {
		return
	}
	s.bumps = false
	s.epoch++
	s.next, s.acked = 0, -1
	for i, old := range s.tracked {
		for _, list := range [][]batch{s.inFlight, s.deque} {
			for j := range list {
				if b := &list[j]; b.numbered && !(b.reset && b.epoch == s.epoch) && b.sequence == old {
					b.sequence, b.epoch, b.reset = s.next, s.epoch, true
					s.tracked[i] = s.next
					s.next += model.Sequence(len(b.records))
				}
			}
		}
	}
}
