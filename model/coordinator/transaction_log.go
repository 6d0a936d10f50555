package coordinator

import (
	"fmt"
	"slices"

	"racelab/model"
	"racelab/sim"
)

// TransactionLog is the partition of __transaction_state: its replicas, and the
// controller, which says which broker leads it and so is the coordinator.
//
// Modelled: appends of the leader and of nobody else, the high watermark, elections
// with the leader epoch, a replica that lags, cleaning. Driven by the scenario: when there is
// an election (Election). Not covered: segments, replicas by name.
//
// Source: Partition, ReplicaManager, LogCleaner; KRaft's PartitionChangeBuilder for elections.
// Differs: the leader's log is here, and not in its broker, so that what a broker
// appends is on its way for a while. A broker that was deposed goes on until it is
// told, or appends. A record that all replicas have goes as soon as they have a newer one
// of its transactional id. Offsets, which nobody asks for, are not counted.
type TransactionLog struct {
	config  LogConfig `sim:"config"`
	brokers []*sim.Conn
	replica *sim.Conn // nil: all replicas have what is written
	leader  int       // by place in brokers
	epoch   model.CoordinatorEpoch
	records []logRecord
	// lacking is how many of the last records are not below the high watermark.
	lacking    int
	waiting    []sim.Envelope // appends, and loads that wait for the high watermark
	asked      bool           // the replica
	unreadable bool           // the next load fails
}

// LogConfig is what is set before the log starts.
type LogConfig struct {
	Brokers []string // that may lead it; the first does at the start
	Rules   model.Rules
}

// logRecord is a record of the log.
//
// Source: TransactionLogKey.json, TransactionLogValue.json.
// Differs: without txnStart, so that a transaction times out anew from when it is
// loaded.
type logRecord struct {
	transactionalID model.TransactionalID
	txnTransitMetadata
}

// recordOf is the record of a transition.
func recordOf(id model.TransactionalID, next txnTransitMetadata) logRecord {
	next.partitions, next.txnStart = slices.Clone(next.partitions), sim.Never
	return logRecord{id, next}
}

// NewTransactionLog returns an empty log.
func NewTransactionLog(config LogConfig) *TransactionLog { return &TransactionLog{config: config} }

// Connect hands over the connections to the brokers, in their order, and to a
// replica; nil: there is none, and what is written is replicated.
func (l *TransactionLog) Connect(replica *sim.Conn, brokers ...*sim.Conn) {
	l.replica, l.brokers = replica, brokers
}

// Messages between the log and those who may lead it. In Kafka they are method
// calls, replication and the metadata log.
type (
	appendRequest struct {
		epoch  model.CoordinatorEpoch
		record logRecord
	}
	appendResponse struct{ err model.Error }
	loadRequest    struct{ epoch model.CoordinatorEpoch }
	loadResponse   struct {
		err     model.Error
		records []logRecord // the last of each transactional id, in the order of these
	}
	elected struct {
		epoch model.CoordinatorEpoch
		leads bool
	}
	replicaFetch struct{}
)

func (r *appendRequest) Name() string    { return "append" }
func (r *appendRequest) String() string  { return r.record.String() }
func (r *appendResponse) Name() string   { return "append" }
func (r *appendResponse) String() string { return r.err.String() }
func (r *loadRequest) Name() string      { return "load" }
func (r *loadRequest) String() string    { return fmt.Sprint("epoch ", r.epoch) }
func (r *loadResponse) Name() string     { return "load" }
func (r *elected) Name() string          { return "elected" }
func (*replicaFetch) Name() string       { return "replicate" }
func (*replicaFetch) String() string     { return "" }

func (r *loadResponse) String() string {
	if r.err != model.None {
		return r.err.String()
	}
	return fmt.Sprint(r.records)
}

func (r *elected) String() string {
	if r.leads {
		return fmt.Sprint("leader of epoch ", r.epoch)
	}
	return fmt.Sprint("not leader of epoch ", r.epoch)
}

func (r logRecord) String() string {
	return fmt.Sprintf("%v %v %s", r.transactionalID, r.state, model.FormatProducer(r.producerID, r.producerEpoch))
}

// Election makes another broker the leader, the next in line. Lagging: it has what
// is below the high watermark, and no more.
type Election struct {
	Lagging bool
	Same    bool // the leader is elected again, in a new epoch
	// Unreadable makes the new leader fail when it loads the log the first time.
	Unreadable bool
}

func (e *Election) Name() string { return "elect" }
func (e *Election) String() string {
	switch {
	case e.Lagging:
		return "a lagging replica"
	case e.Same:
		return "the same broker"
	case e.Unreadable:
		return "one that cannot read the log"
	}
	return ""
}

func (l *TransactionLog) Handle(e sim.Envelope, out *sim.Outbox) {
	if e.Request != nil {
		if _, ok := e.Request.(*replicaFetch); ok {
			l.replicated(out)
		}
		return
	}
	switch request := e.Message.(type) {
	case *appendRequest:
		l.append(e, request, out) // may park the request
	case *loadRequest:
		l.load(e, request, out) // may park the request
	case *Election:
		l.elect(request, out)
		out.Reply(e, request)
	case *TimeOut:
		l.timeOut(out)
		out.Reply(e, request)
	default:
		panic(fmt.Sprintf("coordinator: the log has no handler for %T", request))
	}
}

// TimeOut answers what waits for the replicas with REQUEST_TIMED_OUT, and leaves it in
// the log. A scenario drives it.
//
// Source: DelayedProduce.onExpiration.
type TimeOut struct{}

func (*TimeOut) Name() string   { return "time out" }
func (*TimeOut) String() string { return "" }

func (l *TransactionLog) timeOut(out *sim.Outbox) {
	var loads []sim.Envelope
	for _, e := range l.waiting {
		if _, ok := e.Message.(*loadRequest); ok {
			loads = append(loads, e)
		} else {
			out.Reply(e, &appendResponse{model.ErrRequestTimedOut})
		}
	}
	l.waiting = loads
}

func (l *TransactionLog) leads(broker string, epoch model.CoordinatorEpoch) bool {
	return broker == l.config.Brokers[l.leader] && epoch == l.epoch
}

// Leads says whether the broker of that place leads the log, in that epoch.
func (l *TransactionLog) Leads(broker int, epoch model.CoordinatorEpoch) bool {
	return broker == l.leader && epoch == l.epoch
}

// append writes a record of the leader. It is answered when all replicas have it.
func (l *TransactionLog) append(e sim.Envelope, request *appendRequest, out *sim.Outbox) {
	if !l.leads(e.From(), request.epoch) {
		out.Reply(e, &appendResponse{model.ErrNotLeaderOrFollower})
		return
	}
	record := request.record
	record.partitions, record.txnStart = slices.Clone(record.partitions), sim.Never
	l.records = append(l.records, record)
	l.lacking++
	l.waiting = append(l.waiting, e)
	l.replicate(out)
}

// load hands the log to a new leader.
//
// Source: TransactionStateManager.loadTransactionMetadata, which reads to the end
// of the log and not to the high watermark.
func (l *TransactionLog) load(e sim.Envelope, request *loadRequest, out *sim.Outbox) {
	switch {
	case !l.leads(e.From(), request.epoch):
		out.Reply(e, &loadResponse{err: model.ErrNotLeaderOrFollower})
	case l.unreadable:
		// What was read so far is served: here nothing.
		l.unreadable = false
		response := &loadResponse{}
		if l.config.Rules.Has(model.LoadWhole) {
			response.err = model.ErrKafkaStorageError
		}
		out.Reply(e, response)
	case l.config.Rules.Has(model.LoadToHighWatermark) && l.lacking > 0:
		l.waiting = append(l.waiting, e)
	default:
		out.Reply(e, l.loaded())
	}
}

func (l *TransactionLog) loaded() *loadResponse {
	response := &loadResponse{}
	for _, r := range l.records {
		i, found := slices.BinarySearchFunc(response.records, r.transactionalID, func(x logRecord, id model.TransactionalID) int { return int(x.transactionalID - id) })
		if !found {
			response.records = slices.Insert(response.records, i, logRecord{})
		}
		r.partitions, r.txnStart = slices.Clone(r.partitions), 0 // A message has no moments.
		response.records[i] = r
	}
	return response
}

// replicate asks the replica to catch up.
func (l *TransactionLog) replicate(out *sim.Outbox) {
	switch {
	case l.replica == nil:
		l.replicated(out)
	case !l.asked:
		l.asked = true
		out.Send(l.replica, &replicaFetch{})
	}
}

// replicated is that all replicas have what there is.
func (l *TransactionLog) replicated(out *sim.Outbox) {
	l.asked, l.lacking = false, 0
	l.clean()
	for _, e := range l.waiting {
		if _, ok := e.Message.(*loadRequest); ok {
			out.Reply(e, l.loaded())
		} else {
			out.Reply(e, &appendResponse{model.None})
		}
	}
	l.waiting = nil
}

// clean keeps the last record of each transactional id.
func (l *TransactionLog) clean() {
	for i := len(l.records) - 1; i >= 0; i-- {
		id := l.records[i].transactionalID
		if slices.ContainsFunc(l.records[i+1:], func(r logRecord) bool { return r.transactionalID == id }) {
			l.records = slices.Delete(l.records, i, i+1)
		}
	}
}

// elect makes the next broker the leader, in a new epoch.
func (l *TransactionLog) elect(election *Election, out *sim.Outbox) {
	if election.Lagging {
		l.records, l.lacking = l.records[:len(l.records)-l.lacking], 0
	}
	if !election.Same {
		l.leader = (l.leader + 1) % len(l.brokers)
	}
	l.epoch++
	l.unreadable = election.Unreadable
	for _, e := range l.waiting {
		if _, ok := e.Message.(*loadRequest); ok {
			out.Reply(e, &loadResponse{err: model.ErrNotLeaderOrFollower})
		} else {
			out.Reply(e, &appendResponse{model.ErrNotLeaderOrFollower})
		}
	}
	l.waiting = nil
	for i, conn := range l.brokers {
		out.Send(conn, &elected{l.epoch, i == l.leader})
	}
	if l.lacking > 0 {
		l.replicate(out)
	}
}

// Describe shows the end of the log, and how much of it is not replicated.
func (l *TransactionLog) Describe(show func(name, value string)) {
	show("leader", fmt.Sprint(l.config.Brokers[l.leader], ", epoch ", l.epoch))
	if n := len(l.records); n > 0 {
		end := l.records[n-1].String()
		if l.lacking > 0 {
			end += fmt.Sprintf(", %d not replicated", l.lacking)
		}
		show("ends with", end)
	}
}

// Replica is the other replica of a log: what it answers, it has.
type Replica struct {
	// Last is how often it answers at most; 0: always.
	Last    int `sim:"config"`
	answers int
}

func (r *Replica) Handle(e sim.Envelope, out *sim.Outbox) {
	if r.Last > 0 && r.answers == r.Last {
		return
	}
	if r.Last > 0 {
		r.answers++
	}
	out.Reply(e, e.Message)
}

// Driver sends messages to a node, one after the other, each at any moment: what
// a scenario drives.
type Driver struct {
	conn  *sim.Conn
	sends []sim.Message `sim:"config"`
	next  int
}

// NewDriver returns a driver of some messages, with its connection.
func NewDriver(conn *sim.Conn, sends ...sim.Message) *Driver {
	return &Driver{conn: conn, sends: sends}
}

func (d *Driver) Run(t *sim.Task) {
	for d.next = 0; d.next < len(d.sends); d.next++ {
		t.Step("drive")
		d.conn.Send(t, d.sends[d.next])
		d.conn.Receive(t.At("driven"))
	}
}
