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
// Differs: without ConnectLog the log takes what is appended at once, never fails,
// and the coordinator moves only when it crashes (Crashes). Transactional ids expire
// when a scenario says so (Expire).
type Transactions struct {
	config         TransactionsConfig `sim:"config"`
	lastProducerID model.ProducerID   // that was handed out
	metadata       []transactionMetadata
	channels       []markerChannel // by broker
	completions    []pendingCompleteTxn

	log     *sim.Conn // nil: what is appended is there at once
	epoch   model.CoordinatorEpoch
	leads   bool
	loading bool
	appends []pendingAppend // in the order in which the log answers
	fences  []fencing       // FineFences: under way
	again   []pendingAppend // of what is complete already (before KAFKA-10080)
	records []logRecord     // Crashes: the last of each transactional id, as the log has it
	// dropped says of each transactional id that an exception has dropped what was
	// answered to a marker of it.
	dropped    []bool
	downgraded bool // transaction.version is 0
	moved      []movedLeader
	answers    []markersAnswer // that are gone through, the first one first
	unknown    []queuedMarker  // for leaders that are not alive
}

// movedLeader is a partition that another broker leads than at the start.
type movedLeader struct {
	partition model.Partition
	broker    int // by place
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
	// Rules are those of the broker's release.
	Rules model.Rules
	// Self is the place of this broker among the Coordinators that there may be.
	Self, Coordinators int
	// Unknown are partitions that the metadata of AddPartitionsToTxn does not have yet.
	Unknown []model.Partition
	// Crashes keeps what was appended, for a coordinator without ConnectLog that
	// crashes.
	Crashes bool
	// FineFences lets other requests in between the steps of a fence, as in Kafka.
	FineFences bool
	// FineMarkers lets other things happen between the markers of an answer, as in Kafka.
	FineMarkers bool
	// Dead are partitions whose leader is not alive, as far as the metadata has it at the
	// start.
	Dead []model.Partition
}

// Broker is a broker as the coordinator's metadata cache has it.
type Broker struct {
	Name       string
	Partitions []model.Partition // that it leads at the start
}

// NewTransactions returns a coordinator that knows no transactional id.
func NewTransactions(config TransactionsConfig) *Transactions {
	if config.TransactionVersion == 0 {
		config.TransactionVersion = model.TV2
	}
	if config.ScanInterval == 0 {
		config.ScanInterval = 10 * time.Second
	}
	if config.MaxEpoch == 0 {
		config.MaxEpoch = model.MaxProducerEpoch
	}
	if config.Coordinators == 0 {
		config.Coordinators = 1
	}
	t := &Transactions{
		config: config, leads: true, lastProducerID: model.ProducerID(config.Self - config.Coordinators + 1),
		channels: make([]markerChannel, len(config.Brokers)), completions: slices.Repeat([]pendingCompleteTxn{noCompletion()}, config.TransactionalIDs),
		dropped: make([]bool, config.TransactionalIDs),
	}
	for i := range config.TransactionalIDs {
		t.metadata = append(t.metadata, newTransactionMetadata(model.TransactionalID(i), config.MaxEpoch))
		if config.Crashes {
			t.records = append(t.records, recordOf(model.TransactionalID(i), txnTransitMetadata{state: DeadTransaction}))
		}
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
	switch e.Request.(type) {
	case *model.WriteTxnMarkersRequest:
		t.writeTxnMarkersAnswered(e, out)
		return
	case *appendRequest, *loadRequest:
		t.logAnswered(e, out)
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
	case *elected:
		t.elect(request, out)
		out.Reply(e, request)
	case *model.LeaderElected:
		t.leaderElected(request, out)
		out.Reply(e, request)
	case *Scan:
		t.scan(out)
		out.Reply(e, request)
	case *Expire:
		t.expire(out)
		out.Reply(e, request)
	case *Downgrade:
		t.downgraded = true
		out.Reply(e, request)
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
	if err := model.Refusal(t.config.Rules, knownChecks, naming{t, id}); err != model.None {
		return nil, err
	}
	return &t.metadata[id], model.None
}

// naming is a request about a transactional id before the checks.
type naming struct {
	t  *Transactions
	id model.TransactionalID
}

// knownChecks are those of every request but InitProducerId, before its own.
//
// Source: TransactionCoordinator.handleEndTransaction and others, TransactionStateManager.getTransactionState.
var knownChecks = model.Checks[naming]{Request: "AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, before all else", List: []model.Check[naming]{
	{If: "there is no transactional id, or an empty one", Error: model.ErrInvalidRequest,
		Holds: func(n naming) bool { return n.id == model.NoTransactionalID || n.id == model.EmptyTransactionalID }},
	{If: "the broker is loading the transaction log", Error: model.ErrCoordinatorLoadInProgress, Holds: func(n naming) bool { return n.t.loading }},
	{If: "the broker does not lead the transaction log", Error: model.ErrNotCoordinator, Holds: func(n naming) bool { return !n.t.leads }},
	{If: "nobody has asked for a producer id with the transactional id", Error: model.ErrInvalidProducerIDMapping, Holds: func(n naming) bool { return !n.t.metadata[n.id].known }},
}}

// generateProducerID hands out a producer id that nobody has had.
//
// Source: ProducerIdManager.generateProducerId.
func (t *Transactions) generateProducerID() model.ProducerID {
	t.lastProducerID += model.ProducerID(t.config.Coordinators)
	return t.lastProducerID
}

// Check states the invariants of the coordinator.
func (t *Transactions) Check() error {
	for i := range t.metadata {
		m := &t.metadata[i]
		if err := m.Check(); err != nil {
			return err
		}
		switch pending := m.pendingState; {
		case pending == PrepareEpochFence && !t.config.FineFences:
			return fmt.Errorf("%v is being fenced, and the step is over", m.transactionalID)
		case t.log == nil && m.state.decided() && !pending.complete(): // A write of Complete may fail.
			return fmt.Errorf("%v is %v, and %v is pending", m.transactionalID, m.state, pending)
		}
		if t.completions[i].waiting && !m.state.decided() && t.config.Rules.Has(model.CompleteOnce) {
			return fmt.Errorf("%v is %v, and markers of it are to be written", m.transactionalID, m.state)
		}
		if p := t.unwritten(m); p != noPartition && t.completions[i].waiting && !t.dropped[i] {
			return fmt.Errorf("%v is %v and waits for the marker of %v, which nobody writes", m.transactionalID, m.state, p)
		}
	}
	return nil
}

// Describe shows the transactional ids, if they are known.
func (t *Transactions) Describe(show func(name, value string)) {
	t.describeLog(show)
	if t.loading {
		return
	}
	for i := range t.metadata {
		m := &t.metadata[i]
		value := m.state.String()
		if m.pendingTransitionInProgress() {
			value += ", " + m.pendingState.String() + " pending"
		}
		show(m.transactionalID.String(), value)
	}
}
