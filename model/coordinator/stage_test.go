package coordinator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
	"racelab/sim/explore"
)

// stage is a coordinator between a client and brokers, of which each does one act
// after the other, as a test says.
type stage struct {
	*Transactions
	world  *sim.World
	client *player
}

func newStage(t *testing.T, node *Transactions) *stage {
	w := sim.NewWorld()
	w.Allow(sim.Faults{Cuts: 1})
	t.Cleanup(w.Close)
	s := &stage{node, w, &player{}}
	w.AddNode("coordinator", node)
	var conns []*sim.Conn
	for _, b := range brokers {
		w.AddNode(b.Name, &heldBroker{})
		conns = append(conns, w.Dial("coordinator", b.Name))
		s.client.brokers = append(s.client.brokers, w.Dial("client", b.Name))
	}
	node.Connect(conns...)
	s.client.coordinator = w.Dial("client", "coordinator")
	w.GoProgram("client", s.client)
	return s
}

// play lets the acts happen, and returns the answers. What is on its way arrives
// before the next act; a timer fires when nothing else can happen. The
// invariants must hold after each step.
func (s *stage) play(t *testing.T, acts ...any) []string {
	t.Helper()
	s.client.acts, s.client.next, s.client.answers = acts, 0, nil
	for {
		enabled := explore.Of(s.world).Enabled()
		i := slices.IndexFunc(enabled, func(e sim.Event) bool { return e.Actor != "client" && e.Label != "fires" && !e.Fault })
		if i < 0 && s.client.next == len(acts) {
			return s.client.answers
		}
		if len(enabled) == 0 || i < 0 && enabled[0].Fault {
			t.Fatalf("%v is not answered", acts[s.client.next])
		}
		explore.Of(s.world).Take(max(i, 0))
		for _, broken := range s.world.Violations() {
			t.Fatalf("%s: %v", broken.Property, broken.Err)
		}
	}
}

// cut breaks the connection of a broker to the coordinator.
func (s *stage) cut(t *testing.T, broker string) {
	t.Helper()
	i := slices.IndexFunc(explore.Of(s.world).Enabled(), func(e sim.Event) bool { return e.Label == "cut "+broker+"->coordinator" })
	if i < 0 {
		t.Fatalf("nothing to cut between %s and the coordinator in %v", broker, explore.Of(s.world).Enabled())
	}
	explore.Of(s.world).Take(i)
}

// ask plays one request to a coordinator of its own.
func ask(t *testing.T, node *Transactions, request sim.Message) string {
	t.Helper()
	return newStage(t, node).play(t, request)[0]
}

// player is a client that does one act after the other: it sends a message and
// awaits the answer, or waits.
type player struct {
	coordinator *sim.Conn
	log         *sim.Conn
	brokers     []*sim.Conn
	timer       sim.Timer
	acts        []any `sim:"config"`
	next        int
	answers     []string
}

func (c *player) Run(t *sim.Task) {
	for {
		t.Step("act")
		switch act := c.acts[c.next].(type) {
		case time.Duration:
			c.timer.Sleep(t.At("wait"), act)
		case *markersWritten:
			c.ask(t, c.brokers[act.broker], act)
		case *Election:
			c.ask(t, c.log, act)
		case sim.Message:
			c.ask(t, c.coordinator, act)
		}
		c.next++
	}
}

func (c *player) ask(t *sim.Task, conn *sim.Conn, request sim.Message) {
	conn.Send(t, request)
	answer := conn.Receive(t.At("await response"))
	c.answers = append(c.answers, sim.ContentsOf(answer))
}

// heldBroker holds WriteTxnMarkers until the client says how it is to be
// answered.
type heldBroker struct{ held sim.Envelope }

// markersWritten makes a broker answer the WriteTxnMarkers that it holds, with
// the same outcome for all of it.
type markersWritten struct {
	broker int
	err    model.Error
}

func (m *markersWritten) Name() string   { return "markers written" }
func (m *markersWritten) String() string { return fmt.Sprint(m.broker, " ", m.err) }

func (b *heldBroker) Handle(e sim.Envelope, out *sim.Outbox) {
	written, ok := e.Message.(*markersWritten)
	if !ok {
		b.held = e
		return
	}
	response := &model.WriteTxnMarkersResponse{}
	for _, m := range b.held.Message.(*model.WriteTxnMarkersRequest).Markers {
		result := model.TxnMarkerResult{ProducerID: m.ProducerID}
		for _, p := range m.Partitions {
			result.Partitions = append(result.Partitions, model.PartitionError{Partition: p, Error: written.err})
		}
		response.Markers = append(response.Markers, result)
	}
	out.Reply(b.held, response)
	out.Reply(e, written)
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
		node.completions[0] = pendingCompleteTxn{true, 0, complete}
		node.channels[0].inFlight = []queuedMarker{{0, completionOf(0, complete), model.TxnMarker{
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
