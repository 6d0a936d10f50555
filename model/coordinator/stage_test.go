package coordinator

import (
	"fmt"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
)

// stage plays to a coordinator what its clients and brokers do, one act after
// the other.
type stage struct{ *Transactions }

// markersWritten is a broker's answer to WriteTxnMarkers: the same outcome for
// all of it.
type markersWritten struct {
	broker int
	err    model.Error
}

func (m *markersWritten) Name() string   { return "markers written" }
func (m *markersWritten) String() string { return fmt.Sprint(m.broker, " ", m.err) }

func (s stage) Step(e sim.Envelope, out *sim.Outbox) {
	written, ok := e.Message.(*markersWritten)
	if !ok {
		s.Transactions.Step(e, out)
		return
	}
	response := &model.WriteTxnMarkersResponse{}
	for _, q := range s.channels[written.broker].inFlight {
		result := model.TxnMarkerResult{ProducerID: q.marker.ProducerID}
		for _, p := range q.marker.Partitions {
			result.Partitions = append(result.Partitions, model.PartitionError{Partition: p, Error: written.err})
		}
		response.Markers = append(response.Markers, result)
	}
	s.writeTxnMarkersAnswered(written.broker, response, out)
	out.Reply(e, written)
}

// player is a client that does one act after the other: it sends a message and
// awaits the answer, or waits.
type player struct {
	coordinator *sim.Conn
	timer       sim.Timer
	acts        []any `sim:"config"`
	answers     []string
	done        bool
}

func (c *player) State(s *sim.State) { c.timer.State(s) }

func (c *player) Run(t *sim.Task) {
	t.Yield("act")
	for _, act := range c.acts {
		switch act := act.(type) {
		case time.Duration:
			c.timer.Sleep(t, act, "wait")
		case sim.Message:
			c.coordinator.Send(t, act)
			c.answers = append(c.answers, c.coordinator.Receive(t, "await response").String())
		}
	}
	c.done = true
}

// play lets the acts happen, and returns the answers; timers fire when nothing
// else can happen. The invariants must hold after each step.
func play(t *testing.T, node *Transactions, acts ...any) []string {
	t.Helper()
	w := sim.NewWorld()
	defer w.Close()
	w.AddNode("coordinator", stage{node})
	client := &player{coordinator: w.Dial("client", "coordinator"), acts: acts}
	w.Go("client", client)
	for !client.done && len(w.Enabled()) > 0 {
		w.Take(0)
		for _, broken := range w.Violations() {
			t.Errorf("%s: %v", broken.Property, broken.Err)
		}
	}
	return client.answers
}

// ask plays one request.
func ask(t *testing.T, node *Transactions, request sim.Message) string {
	t.Helper()
	answers := play(t, node, request)
	if len(answers) != 1 {
		t.Fatalf("%s %v is not answered", request.Name(), request)
	}
	return answers[0]
}

// B0 leads P0 and P1, B1 leads P2 and the group's offsets.
var brokers = []Broker{{"B0", []model.Partition{0, 1}}, {"B1", []model.Partition{2, model.ConsumerOffsets}}}

// maxEpoch is small: 3 is the last epoch that a client gets.
const maxEpoch = 4

// in returns a coordinator that has T0 in a state, with producer id 10, epoch 2
// and last epoch 1, of a client of the given version; the producer id before
// was 9. Ongoing and the Prepare states have P0.
func in(state TransactionState, version model.TransactionVersion, change ...func(m *transactionMetadata)) *Transactions {
	node := NewTransactions(TransactionsConfig{TransactionalIDs: 2, Brokers: brokers, MaxEpoch: maxEpoch})
	node.lastProducerID = 10
	m := &node.metadata[0]
	m.known = true
	m.txnTransitMetadata = txnTransitMetadata{
		state: state, producerID: 10, prevProducerID: 9, nextProducerID: model.NoProducerID,
		producerEpoch: 2, lastProducerEpoch: 1, txnTimeout: time.Minute, txnStart: sim.Never, clientTransactionVersion: version,
	}
	if state == Ongoing {
		m.partitions, m.txnStart = []model.Partition{0}, 0
	}
	if state.decided() {
		m.partitions = []model.Partition{0}
	}
	for _, c := range change {
		c(m)
	}
	if state.decided() {
		complete := m.prepareComplete()
		node.completions[0] = pendingCompleteTxn{true, complete}
		node.channels[0].inFlight = []queuedMarker{{0, model.TxnMarker{
			ProducerID: m.producerID, ProducerEpoch: m.producerEpoch, Result: m.result(), TransactionVersion: version, Partitions: []model.Partition{0},
		}}}
	}
	return node
}

// epoch changes the epoch.
func epoch(e model.ProducerEpoch) func(m *transactionMetadata) {
	return func(m *transactionMetadata) { m.producerEpoch, m.lastProducerEpoch = e, e-1 }
}

// describe is what T0 came to.
func describe(node *Transactions) string {
	m := &node.metadata[0]
	text := m.state.String()
	if m.pendingTransitionInProgress() {
		text += "+" + m.pendingState.String()
	}
	text += fmt.Sprintf(" %s last %d", model.FormatProducer(m.producerID, m.producerEpoch), m.lastProducerEpoch)
	if len(m.partitions) > 0 {
		text += fmt.Sprint(" ", m.partitions)
	}
	return text
}
