package coordinator

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// Transactions is the transaction coordinator: it decides how transactions end,
// and makes the partitions' leaders write it down.
//
// A request is checked, its transition prepared, the transition appended to the
// transaction log; then it comes true, and the request is answered. EndTxn is
// answered when the decision is in the log. The markers are still to be written
// then, and until they are, the next transaction is refused: the window from
// which CONCURRENT_TRANSACTIONS comes.
//
// Source: TransactionCoordinator, TransactionStateManager.
// Differs: the log takes what is appended at once, and never fails; the
// coordinator does not move, so nothing is answered NOT_COORDINATOR or
// COORDINATOR_LOAD_IN_PROGRESS.
type Transactions struct {
	config         TransactionsConfig `sim:"config"`
	lastProducerID model.ProducerID   // that was handed out
	metadata       []transactionMetadata
	channels       []markerChannel // by broker
	completions    []pendingCompleteTxn
}

// TransactionsConfig is what is set before the coordinator starts.
type TransactionsConfig struct {
	// TransactionalIDs is how many transactional ids there can be: T0 and on.
	TransactionalIDs int
	// Brokers lead the partitions.
	Brokers []Broker
	// TransactionVersion is that of the cluster. Transactions that the
	// coordinator ends by itself follow it.
	//
	// Default: TV2, as in Kafka 4.
	// Source: the feature transaction.version.
	TransactionVersion model.TransactionVersion
	// MaxTimeout is the longest transaction timeout that a client may have.
	//
	// Default: 15 minutes.
	// Source: transaction.max.timeout.ms.
	MaxTimeout time.Duration
	// ScanInterval is how often the coordinator looks for transactions that have
	// timed out. Below 0: never, for an untimed world where no client takes as long as
	// its timeout: else the scan may come at any moment.
	//
	// Default: 10 s.
	// Source: transaction.abort.timed.out.transaction.cleanup.interval.ms.
	ScanInterval time.Duration
	// MaxEpoch is the largest epoch.
	//
	// Default: model.MaxProducerEpoch.
	MaxEpoch model.ProducerEpoch
}

// Broker is a broker as the coordinator's metadata cache has it.
type Broker struct {
	Name       string
	Partitions []model.Partition // that it leads
}

// coordinatorEpoch is the leader epoch of the transaction log's partition.
const coordinatorEpoch model.CoordinatorEpoch = 0

// NewTransactions returns a coordinator that knows no transactional id.
func NewTransactions(config TransactionsConfig) *Transactions {
	if config.TransactionVersion == 0 {
		config.TransactionVersion = model.TV2
	}
	if config.MaxTimeout == 0 {
		config.MaxTimeout = 15 * time.Minute
	}
	if config.ScanInterval == 0 {
		config.ScanInterval = 10 * time.Second
	}
	if config.MaxEpoch == 0 {
		config.MaxEpoch = model.MaxProducerEpoch
	}
	t := &Transactions{
		config:   config,
		channels: make([]markerChannel, len(config.Brokers)), completions: slices.Repeat([]pendingCompleteTxn{noCompletion()}, config.TransactionalIDs),
	}
	for i := range config.TransactionalIDs {
		t.metadata = append(t.metadata, newTransactionMetadata(model.TransactionalID(i), config.MaxEpoch))
	}
	return t
}

// Connect hands over the coordinator's connections to the brokers, in their
// order.
func (t *Transactions) Connect(conns ...*sim.Conn) {
	for i := range t.channels {
		t.channels[i].conn = conns[i]
	}
}

func (t *Transactions) Handle(e sim.Envelope, out *sim.Outbox) {
	if e.Request != nil {
		t.writeTxnMarkersAnswered(e, out)
		return
	}
	switch request := e.Message.(type) {
	case *model.InitProducerIDRequest:
		t.initProducerID(e, request, out)
	case *model.AddPartitionsToTxnRequest:
		t.addPartitionsToTxn(e, request, out)
	case *model.AddOffsetsToTxnRequest:
		t.addOffsetsToTxn(e, request, out)
	case *model.EndTxnRequest:
		t.endTxn(e, request, out)
	default:
		panic(fmt.Sprintf("coordinator: no handler for %T", request))
	}
	t.scheduleScan(out)
}

// transaction is the metadata of a transactional id that has been initialised.
//
// Errors: INVALID_REQUEST without a name, INVALID_PRODUCER_ID_MAPPING if nobody
// has initialised it.
// Source: TransactionStateManager.getTransactionState.
func (t *Transactions) transaction(id model.TransactionalID) (*transactionMetadata, model.Error) {
	if id == model.NoTransactionalID || id == model.EmptyTransactionalID {
		return nil, model.ErrInvalidRequest
	}
	if !t.metadata[id].known {
		return nil, model.ErrInvalidProducerIDMapping
	}
	return &t.metadata[id], model.None
}

// generateProducerID hands out a producer id that nobody has had.
//
// Source: ProducerIdManager.generateProducerId.
func (t *Transactions) generateProducerID() model.ProducerID {
	t.lastProducerID++
	return t.lastProducerID
}

// appendTransactionToLog writes a transition down: it comes true, and the request
// that it comes from is answered. The zero Envelope stands for none.
//
// Source: TransactionStateManager.appendTransactionToLog.
func (t *Transactions) appendTransactionToLog(m *transactionMetadata, next txnTransitMetadata, e sim.Envelope, out *sim.Outbox) {
	m.completeTransitionTo(next)
	switch next.state {
	case EmptyTransaction:
		out.Reply(e, &model.InitProducerIDResponse{Error: model.None, ProducerID: m.producerID, ProducerEpoch: m.producerEpoch})
	case Ongoing:
		replyToAdd(e, model.None, out)
	case PrepareCommit, PrepareAbort:
		// What is prepared here closes the door on the next transaction, before
		// the client knows that this one is decided.
		complete := m.prepareComplete()
		replyToEnd(e, model.None, complete, out)
		t.addTxnMarkersToSend(m, complete, out)
	}
}

// Check states the invariants of the coordinator.
func (t *Transactions) Check() error {
	for i := range t.metadata {
		m := &t.metadata[i]
		if err := m.Check(); err != nil {
			return err
		}
		if t.completions[i].waiting && !m.state.decided() {
			return fmt.Errorf("%v is %v, and markers of it are to be written", m.transactionalID, m.state)
		}
		for _, p := range m.partitions {
			if t.completions[i].waiting && !t.channels[t.leader(p)].holds(m.transactionalID, p) {
				return fmt.Errorf("%v is %v and waits for the marker of %v, which nobody writes", m.transactionalID, m.state, p)
			}
		}
	}
	return nil
}

// Describe shows the transactional ids.
func (t *Transactions) Describe(show func(name, value string)) {
	for i := range t.metadata {
		m := &t.metadata[i]
		value := m.state.String()
		if m.pendingTransitionInProgress() {
			value += ", " + m.pendingState.String() + " pending"
		}
		show(m.transactionalID.String(), value)
	}
}
