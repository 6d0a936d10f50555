package plain

import (
	"slices"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// PipelineConfig is what a producer with several requests in flight means to do.
type PipelineConfig struct {
	Batches int // to P0, each of one record, in a request of its own
	// InFlight is how many requests may wait for their answers.
	//
	// Source: max.in.flight.requests.per.connection, which Java bounds by 5 for an
	// idempotent producer.
	InFlight int
	// Idempotent gives each batch the producer id and a sequence number.
	Idempotent bool
	// LeaderOnly asks for an acknowledgement of the leader alone.
	//
	// Source: acks=1.
	LeaderOnly bool
}

// Pipeline is a producer without transactions that has several requests in flight, and
// sends those without an answer again, in their order, on a new connection.
//
// Source: Sender, TransactionManager.canRetry and bumpIdempotentProducerEpoch; KIP-98, KIP-360.
// Differs: it has its producer id from the start. It sends for as long as it may, and
// takes answers then. After OUT_OF_ORDER_SEQUENCE_NUMBER it sends nothing more until all
// answers are there, and takes a new epoch, whichever batch it is.
type Pipeline struct {
	config  PipelineConfig `sim:"config"`
	brokers []*sim.Conn
	leader  int // whom it takes for the leader of P0, by place

	epoch     model.ProducerEpoch
	sequences []model.Sequence // by batch
	unacked   []int            // batches without an acknowledgement, in their order
	sent      int              // how many of these are in flight, or have failed
	failed    int              // how many of those have
	broken    bool             // the connection is
	moved     bool             // the leader says that it is none
}

// NewPipeline returns a producer with its connections to those that may lead P0; the
// first does at the start.
func NewPipeline(config PipelineConfig, brokers ...*sim.Conn) *Pipeline {
	p := &Pipeline{config: config, brokers: brokers}
	for n := range config.Batches {
		p.unacked, p.sequences = append(p.unacked, n), append(p.sequences, model.Sequence(n))
	}
	return p
}

func (p *Pipeline) Run(t *sim.Task) {
	for len(p.unacked) > 0 {
		switch {
		case p.failed == 0 && p.sent < min(p.config.InFlight, len(p.unacked)):
			t.Step(PointSend)
			p.brokers[p.leader].Send(t, p.request(p.unacked[p.sent]))
			p.sent++
		case p.failed < p.sent:
			p.receive(t)
		case p.broken:
			p.broken, p.sent, p.failed = false, 0, 0
			p.brokers[p.leader].Redial(t)
		case p.moved:
			p.moved, p.sent, p.failed = false, 0, 0
			p.leader = (p.leader + 1) % len(p.brokers)
		default:
			p.bumpEpoch()
		}
	}
	p.leader, p.epoch = 0, 0 // Nobody asks any more.
}

func (p *Pipeline) request(n int) *model.ProduceRequest {
	b := model.RecordBatch{ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch, BaseSequence: model.NoSequence, Records: []model.Record{model.Record(n)}}
	if p.config.Idempotent {
		b.ProducerID, b.ProducerEpoch, b.BaseSequence = 1, p.epoch, p.sequences[n]
	}
	return &model.ProduceRequest{Version: 11, TransactionalID: model.NoTransactionalID, LeaderOnly: p.config.LeaderOnly, Partitions: []model.PartitionBatch{{Batch: b}}}
}

// receive takes the next answer, or that the connection is broken.
func (p *Pipeline) receive(t *sim.Task) {
	response, ok := p.brokers[p.leader].Receive(t.At(producer.PointAwaitAppend)).(*model.ProduceResponse)
	if ok && response.Partitions[0].Error == model.None {
		p.unacked = slices.Delete(p.unacked, p.failed, p.failed+1)
		p.sent--
		return
	}
	p.failed++
	p.broken = p.broken || !ok
	p.moved = p.moved || ok && response.Partitions[0].Error == model.ErrNotLeaderOrFollower
}

// bumpEpoch begins a new epoch with what is not acknowledged.
func (p *Pipeline) bumpEpoch() {
	p.epoch++
	p.sent, p.failed = 0, 0
	for i, n := range p.unacked {
		p.sequences[n] = model.Sequence(i)
	}
}

// Batches is how many there are.
func (p *Pipeline) Batches() int { return p.config.Batches }

// Acked says whether a batch is acknowledged.
func (p *Pipeline) Acked(n int) bool { return !slices.Contains(p.unacked, n) }
