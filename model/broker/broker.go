package broker

import (
	"fmt"
	"slices"
	"time"

	"racelab/model"
	"racelab/sim"
)

// Broker leads partitions: it writes what producers and the transaction
// coordinator send, and serves what consumers fetch.
//
// Source: KafkaApis, ReplicaManager.
type Broker struct {
	config       Config `sim:"config"`
	coordinators []*sim.Conn
	coordinator  int // whom it takes for the transaction coordinator, by place
	logs         []partitionLog
	waiting      []waitingAppend
	// asked lists who waits for a coordinator. Each answers in order.
	asked   []asked
	offsets offsetMetadata
	// markers are the WriteTxnMarkers that are being written, oldest first.
	markers []sim.Envelope
	draws   sim.Random // of MarkerAppend
	came    []int32    // batches that each of config.Refusals is about, until the count changes nothing
	// refusedMarkers is how many of config.MarkerRefusals were made.
	refusedMarkers []bool
	adds           []int32   // AddQueue: by place in waiting, those to ask for next
	failed         bool      // the group coordinator is, and serves nothing
	other          *sim.Conn // the broker that has the replicas; nil: none has
	delayed        []delayedAppend
}

// asked is a question to a coordinator that has no answer yet.
type asked struct {
	waiting, coordinator int32 // by place
	// lost says that the connection is known to be broken.
	lost bool
}

// Config is what is set before the broker starts.
type Config struct {
	// Self is its name, which LeaderElected says who leads by. A broker without
	// replicas needs none.
	Self       string
	Partitions []model.Partition // that it leads at the start
	// Replicas are partitions that another broker leads at the start, and that it has
	// too; and Replicated those of Partitions that the other has.
	Replicas, Replicated []model.Partition
	// ProduceRequests is how many produce requests can wait for the coordinator
	// at a time. A connection has one at a time.
	//
	// Default: 4.
	ProduceRequests int
	// Rules are those of the broker's release.
	Rules model.Rules
	// MaxEpoch is the largest epoch.
	//
	// Default: model.MaxProducerEpoch.
	MaxEpoch model.ProducerEpoch
	// Coordinators are the brokers that may be the transaction coordinator, by
	// name. None: it is the one of Connect, and stays it.
	Coordinators []string
	// RetryBackoff is how long the broker waits before it adds a partition again
	// that the coordinator has answered CONCURRENT_TRANSACTIONS for.
	//
	// Default: 20 ms.
	// Source: add.partitions.to.txn.retry.backoff.ms; KIP-890.
	RetryBackoff time.Duration
	// RetryBackoffMax is how long it goes on so, before the client has to.
	//
	// Default: 100 ms. Negative: it never tries again.
	// Source: add.partitions.to.txn.retry.backoff.max.ms.
	RetryBackoffMax time.Duration
	// MarkerAppend is how long a broker is at a WriteTxnMarkers, until all
	// replicas have it: the coordinator's window, but for the way there and back.
	//
	// Default: no time, and no step of its own.
	MarkerAppend sim.Delay
	// Refusals are about records that the broker does not take.
	Refusals []Refusal
	// MarkerRefusals are errors that the markers of a producer are answered with, once
	// each: what comes and goes.
	MarkerRefusals []MarkerRefusal
	// AddQueue gathers what the coordinator is to be asked, as Kafka does, while a
	// question is under way. Without it each is sent at once.
	//
	// Source: AddPartitionsToTxnManager.
	AddQueue bool
	// OneVersion says that all producers have the same transaction version, and that
	// there is one coordinator: then some attempts to verify are forgotten.
	OneVersion bool
	// Draws is the chance behind MarkerAppend.
	Draws sim.Random
}

// Refusal is that a batch with a certain record is refused, when its partition is
// part of the transaction, if there is one.
//
// Source: LogValidator; max.message.bytes for MESSAGE_TOO_LARGE. Others stand for
// what comes and goes: NOT_LEADER_OR_FOLLOWER for a leader that is elected.
type Refusal struct {
	Partition model.Partition
	Record    model.Record
	Error     model.Error
	After     int32 // that many such batches came
	Times     int32 // how often; 0: always
}

// MarkerRefusal is that the first marker of a transactional producer is not written.
type MarkerRefusal struct {
	ProducerID model.ProducerID
	Error      model.Error
}

// New returns a broker whose partitions are empty.
func New(config Config) *Broker {
	if config.ProduceRequests == 0 {
		config.ProduceRequests = 4
	}
	if config.RetryBackoff == 0 {
		config.RetryBackoff = 20 * time.Millisecond
	}
	if config.RetryBackoffMax == 0 {
		config.RetryBackoffMax = 100 * time.Millisecond
	}
	b := &Broker{config: config, waiting: make([]waitingAppend, config.ProduceRequests), draws: config.Draws}
	b.came, b.refusedMarkers = make([]int32, len(config.Refusals)), make([]bool, len(config.MarkerRefusals))
	for _, p := range slices.Concat(config.Partitions, config.Replicas) {
		follows := slices.Contains(config.Replicas, p)
		b.logs = append(b.logs, partitionLog{
			partition: p, rules: config.Rules, maxEpoch: config.MaxEpoch,
			lags: follows || slices.Contains(config.Replicated, p), replica: replica{follows: follows},
		})
	}
	b.offsets.rules = config.Rules
	for i := range b.waiting {
		b.waiting[i].since = sim.Never
	}
	return b
}

// Connect hands over the connections to those that may be the transaction
// coordinator.
func (b *Broker) Connect(coordinators ...*sim.Conn) { b.coordinators = coordinators }

// ConnectReplica hands over the connection to the broker that has the replicas.
func (b *Broker) ConnectReplica(other *sim.Conn) { b.other = other }

func (b *Broker) Handle(e sim.Envelope, out *sim.Outbox) {
	defer b.settleAttempts()
	switch e.Request.(type) {
	case nil:
	case *replicaAppend:
		b.replicaAnswered(e, out)
		return
	default:
		b.partitionsAdded(e, out)
		return
	}
	switch request := e.Message.(type) {
	case *model.ProduceRequest, *model.TxnOffsetCommitRequest:
		b.verify(e, out) // may park the request
	case *model.FetchRequest:
		out.Reply(e, b.fetch(request))
	case *model.DeleteRecordsRequest:
		out.Reply(e, b.deleteRecords(request))
	case *ProducersExpire:
		if log := b.log(request.Partition); log != nil {
			log.removeExpiredProducers()
		}
		out.Reply(e, request)
	case *model.WriteTxnMarkersRequest:
		b.takeMarkers(e, out)
	case *replicaAppend:
		b.follow(e, request, out) // may park the request
	case *model.LeaderElected:
		b.elect(request, out)
		out.Reply(e, request)
	case *model.OffsetCommitRequest:
		out.Reply(e, b.commitOffsets(request))
	case *model.OffsetFetchRequest:
		out.Reply(e, b.offsets.fetch(request))
	case *model.GroupRebalanced:
		b.offsets.owner = request.ConsumerGroupMetadata
		out.Reply(e, request)
	case *model.DeleteGroupsRequest:
		out.Reply(e, b.deleteGroup())
	case *Deleted:
		if log := b.log(request.Partition); log != nil {
			log.deleted = true
		}
		out.Reply(e, request)
	case *GroupCoordinatorFailed:
		b.failed = true
		out.Reply(e, request)
	default:
		panic(fmt.Sprintf("broker: no handler for %T", request))
	}
}

// Deleted makes the broker drop a partition whose topic is deleted, before the
// coordinator's metadata knows of it. A scenario drives it.
//
// Source: ReplicaManager.stopPartitions.
type Deleted struct{ Partition model.Partition }

func (d *Deleted) Name() string   { return "delete" }
func (d *Deleted) String() string { return d.Partition.String() }

// GroupCoordinatorFailed is that the group coordinator could not load its partition
// of __consumer_offsets. It serves nothing until the partition moves.
//
// Source: CoordinatorRuntime, CoordinatorState.FAILED.
type GroupCoordinatorFailed struct{}

func (*GroupCoordinatorFailed) Name() string   { return "group coordinator fails" }
func (*GroupCoordinatorFailed) String() string { return "" }

// The broker's timers, by their places in Timers.
const (
	markersReplicated = 0 // all replicas have the oldest of markers
	materialise       = 1 // offsets of ended transactions are committed (before KAFKA-17507)
	retryAdd          = 2 // and on, one for each of waiting: asks the coordinator again
)

func (b *Broker) Timers() []string {
	names := []string{"markers-replicated", "materialise"}
	for i := range b.config.ProduceRequests {
		names = append(names, fmt.Sprint("retry-add-", i))
	}
	return names
}

func (b *Broker) Expire(timer int, out *sim.Outbox) {
	defer b.settleAttempts()
	switch timer {
	case markersReplicated:
		b.replicated(out)
		b.replicate(out)
	case materialise:
		b.offsets.materialise()
	default:
		b.addPartitions(timer-retryAdd, out)
	}
}

// hosted is the log of a partition that the broker has, whoever leads it; or nil.
func (b *Broker) hosted(p model.Partition) *partitionLog {
	for i := range b.logs {
		if l := &b.logs[i]; l.partition == p && !l.deleted {
			return l
		}
	}
	return nil
}

// log is the log of a partition, or nil if the broker does not lead it.
func (b *Broker) log(p model.Partition) *partitionLog {
	if log := b.hosted(p); log != nil && !log.replica.follows {
		return log
	}
	return nil
}

// reaching is a partition that a client wants of this broker.
type reaching struct {
	broker    *Broker
	partition model.Partition
}

// partitionChecks are those of each partition of a request.
//
// Source: ReplicaManager.getPartitionOrException, Partition.appendRecordsToLeader.
var partitionChecks = model.Checks[reaching]{Request: "Produce, Fetch, WriteTxnMarkers, of each partition", List: []model.Check[reaching]{
	{If: "the broker does not have the partition", Error: model.ErrUnknownTopicOrPartition,
		Holds: func(r reaching) bool { return r.broker.hosted(r.partition) == nil }},
	{If: "another broker leads the partition, as far as this one was told", Error: model.ErrNotLeaderOrFollower,
		Holds: func(r reaching) bool { return r.broker.log(r.partition) == nil }},
}}

// led is the log of a partition, or why the broker serves none.
func (b *Broker) led(p model.Partition) (*partitionLog, model.Error) {
	return b.log(p), model.Refusal(b.config.Rules, partitionChecks, reaching{b, p})
}

// fetch reads one partition.
//
// Source: KafkaApis.handleFetchRequest.
func (b *Broker) fetch(request *model.FetchRequest) *model.FetchResponse {
	log, err := b.led(request.Partition)
	if err != model.None {
		return &model.FetchResponse{Partition: request.Partition, Error: err}
	}
	return log.fetch(request)
}

// Crash drops what only memory holds: the requests that wait, the attempts to
// verify, and what the group coordinator made of its partition. What is known of
// producers is in the log and its snapshots.
func (b *Broker) Crash() {
	for i := range b.waiting {
		b.waiting[i].leave()
	}
	b.asked, b.adds, b.markers, b.delayed = b.asked[:0], nil, nil, nil
	for i := range b.logs {
		l := &b.logs[i]
		l.truncateTo(l.logEndOffset())
		l.replica.sending, l.replica.early = false, sim.Envelope{}
	}
}

// Restart has the group coordinator load its partition again, and goes on where the
// replicas were.
func (b *Broker) Restart(out *sim.Outbox) {
	b.loadOffsets()
	for i := range b.logs {
		if l := &b.logs[i]; l.lags && !l.replica.follows {
			b.sendTo(l, out)
		}
	}
}

// Check states the invariants of the logs.
func (b *Broker) Check() error {
	for i := range b.logs {
		if err := b.logs[i].Check(); err != nil {
			return err
		}
	}
	return b.checkOffsets()
}

// Describe shows how far each partition is, and how far it is stable.
func (b *Broker) Describe(show func(name, value string)) {
	for i := range b.logs {
		l := &b.logs[i]
		role := ""
		if l.replica.follows {
			role = ", follows"
		}
		show(l.partition.String(), fmt.Sprintf("%d, stable %d%s", l.logEndOffset(), l.lastStableOffset(), role))
	}
	b.offsets.Describe(show)
}
