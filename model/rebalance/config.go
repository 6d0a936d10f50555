package rebalance

import "time"

// Partitions of the topic.
const partitions = 2

// Members of the group: A, and B, which joins later.
const members = 2

// Client is a client library in one of its releases. What tells releases apart
// stands in a field of its own.
type Client struct {
	Kind    Kind
	Release string // "franz-go 1.22.3"

	// MarksOwnedOnly: a mark for a partition that is not consumed does nothing.
	//
	// Source: Client.MarkCommitRecords of franz-go; since 1.22.3.
	MarksOwnedOnly bool

	// SeesEndFirst: a claim that ends need not wait for the fetch that is out.
	//
	// Source: brokerConsumer of Sarama 1.61.
	SeesEndFirst bool

	// What a mutant switches off, and no release does.
	LeaveKeepsMarks   bool // revoke, leave and the end of a session commit nothing
	MarksUnpolled     bool // default autocommit takes what the last poll returned
	CommitsAsPolled   bool // a commit carries the generation of the poll (franz-go, kafka-go)
	CommitsAsNow      bool // a commit carries the generation of now (Sarama)
	DrainsQueue       bool // a generation's end drops what is queued at once (kafka-go)
	CloseWaitsForNone bool // Close does not wait for claims or callbacks
}

// Kind is a family of clients.
type Kind uint8

const (
	FranzGo Kind = iota
	Sarama
	KafkaGo
)

// The releases that were measured.
var (
	FranzGo1222 = Client{Kind: FranzGo, Release: "franz-go 1.22.2"}
	FranzGo1223 = Client{Kind: FranzGo, Release: "franz-go 1.22.3", MarksOwnedOnly: true}
	Sarama1432  = Client{Kind: Sarama, Release: "Sarama 1.43.2"}
	Sarama1480  = Client{Kind: Sarama, Release: "Sarama 1.48.0"}
	Sarama1611  = Client{Kind: Sarama, Release: "Sarama 1.61.1", SeesEndFirst: true}
	KafkaGo0451 = Client{Kind: KafkaGo, Release: "kafka-go 0.4.51"}
)

// Protocol is how the group rebalances.
type Protocol uint8

const (
	Eager       Protocol = iota // all give everything up, then join
	Cooperative                 // KIP-429: a member keeps what it keeps
	Consumer                    // KIP-848
)

func (p Protocol) String() string { return [...]string{"eager", "coop", "848"}[p] }

// Trigger is what happens when A begins the record, the fourth of the partition
// that is to move.
type Trigger uint8

const (
	Join        Trigger = iota // B joins; the record takes 2 s
	Slow                       // the same, and the record takes 20 s
	SlowJoin                   // the same, records take 400 ms, and A's JoinGroup is answered 3 s late
	CrashOfA                   // A is gone 1.5 s later, and B joins
	Zombie                     // A is cut off for 15 s, works on, and B joins; the record takes 20 s
	CommitDelay                // A's commit of the record arrives 4 s late; B joins as it is sent
	AckDelay                   // the same for the answer
	CloseOfA                   // A calls Close, and B joins; the record takes 2 s
	CloseSlow                  // the same, and the record takes 20 s
	CloseJoin                  // A calls Close while its JoinGroup is answered 30 s late
)

func (t Trigger) String() string {
	return [...]string{"join", "slow", "slowjoin", "crash", "zombie", "commit-delay", "ack-delay", "close", "closeslow", "closejoin"}[t]
}

// Application is what stands between poll and commit.
type Application struct {
	Name string // "P6": as the table of measured cells calls it
	Does string

	Workers  workers
	Commits  commits
	Revoke   revoke
	Blocks   bool // BlockRebalanceOnPoll, with AllowRebalance after the batch or hand-over
	Interval bool // kafka-go: CommitInterval is set
}

// Over is the application as it is written over a client.
func (a Application) Over(c Client) Application {
	switch {
	case c.Kind == KafkaGo && a.Workers == aPartition && a.Commits == marks:
		a.Commits, a.Revoke = eachAfter, noCallback // CommitMessages is all there is, and nobody is told.
	case c.Kind == KafkaGo && a.Commits == marksBefore:
		a.Interval = true
	case c.Kind == KafkaGo && a.Name == "P1":
		a.Interval = false
	}
	return a
}

// workers is who works on what a poll has returned.
type workers uint8

const (
	inLoop     workers = iota // the loop that polls, a record at a time
	pool                      // four goroutines, whichever is free
	aPartition                // one goroutine a partition, with a queue
)

// commits is who says what is done, and when.
type commits uint8

const (
	eachBefore  commits = iota // commit, then work
	eachAfter                  // work, then commit the record and wait for the answer
	marks                      // work, then mark; autocommit takes marks
	batchAfter                 // work on a batch, then commit it
	handedOut                  // autocommit takes what the poll before returned
	greedy                     // autocommit takes what was polled
	marksBefore                // mark, then work; autocommit takes marks
)

// revoke is what the application does when partitions are taken away.
type revoke uint8

const (
	noCallback     revoke = iota // franz-go: the client's own; Sarama: ConsumeClaim returns
	doesNothing                  // a callback that is empty
	drains                       // works off the queue, then commits
	dropsRest                    // drops the queue, waits for the record in work, commits
	drainsASecond                // as drains, but goes on after a second
	dropsAll                     // drops the queues of all partitions, whichever are taken
	dropsRevoked                 // drops the queues of the partitions that are taken
	failsRest                    // marks the queue, drops it, waits for the record in work, commits
	drainsMessages               // Sarama: ranges over Messages until it is closed
)

// Applications are the patterns that were measured, under the names of that
// table.
var Applications = []Application{
	{Name: "P1", Does: "commits, then works", Commits: eachBefore},
	{Name: "P2", Does: "works, then commits each record", Commits: eachAfter},
	{Name: "P2c", Does: "as P2, with a revoke callback that does nothing", Commits: eachAfter, Revoke: doesNothing},
	{Name: "P3", Does: "works, marks, autocommit takes marks", Commits: marks, Interval: true},
	{Name: "P3c", Does: "as P3, with a revoke callback that does nothing", Commits: marks, Revoke: doesNothing},
	{Name: "P3d", Does: "works; autocommit takes what was handed out before", Commits: handedOut},
	{Name: "P3g", Does: "works; autocommit takes what was polled", Commits: greedy},
	{Name: "P4", Does: "works on a batch, then commits it", Commits: batchAfter},
	{Name: "P4b", Does: "works on a batch, then commits it, and no rebalance comes before that", Commits: batchAfter, Blocks: true},
	{Name: "P5", Does: "a pool of four, each commits its record", Workers: pool, Commits: eachAfter},
	{Name: "P5m", Does: "a pool of four, each marks its record", Workers: pool, Commits: marks, Interval: true},
	{Name: "P5i", Does: "a pool of four, with CommitInterval", Workers: pool, Commits: marks, Interval: true},
	{Name: "P6", Does: "a worker a partition; revoke drains its queue and commits", Workers: aPartition, Commits: marks, Revoke: drains, Blocks: true},
	{Name: "P6q", Does: "a worker a partition; revoke drops its queue, waits for the record in work and commits", Workers: aPartition, Commits: marks, Revoke: dropsRest, Blocks: true},
	{Name: "P6r", Does: "ranges over Messages until it is closed, marks", Commits: marks, Revoke: drainsMessages},
	{Name: "P7", Does: "a worker a partition; revoke drains for a second at most", Workers: aPartition, Commits: marks, Revoke: drainsASecond, Blocks: true},
	{Name: "P8", Does: "a worker a partition that marks; revoke does not wait", Workers: aPartition, Commits: marks},
	{Name: "P8c", Does: "a worker a partition that commits; revoke does not wait", Workers: aPartition, Commits: eachAfter},
	{Name: "P8d", Does: "a worker a partition; autocommit takes what was handed out", Workers: aPartition, Commits: handedOut},
	{Name: "P8g", Does: "a worker a partition; autocommit takes what was polled", Workers: aPartition, Commits: greedy},
	{Name: "P9", Does: "a worker a partition; revoke drops all queues", Workers: aPartition, Commits: marks, Revoke: dropsAll},
	{Name: "P9o", Does: "a worker a partition; revoke drops the queues that are taken", Workers: aPartition, Commits: marks, Revoke: dropsRevoked},
	{Name: "P9m", Does: "marks before work; revoke marks and drops the queue", Workers: aPartition, Commits: marksBefore, Revoke: failsRest},
}

// ApplicationOf is the pattern of a name. It panics if there is none.
func ApplicationOf(name string) Application {
	for _, a := range Applications {
		if a.Name == name {
			return a
		}
	}
	panic("rebalance: no application " + name)
}

// How long things take in the timed world, as they were measured.
const (
	workTime         = 100 * time.Millisecond
	sessionTimeout   = 6 * time.Second
	rebalanceTimeout = 10 * time.Second
	heartbeatEvery   = 500 * time.Millisecond
	commitEvery      = time.Second
	startOfA         = 10 * time.Millisecond
	fetchWait        = 200 * time.Millisecond // a long poll; Sarama's holds up its connection
	subscribeTime    = 100 * time.Millisecond // Sarama, from a claim to its first records
	kafkaGoFetchers  = 150 * time.Millisecond // kafka-go, until the fetchers have ended
	requestTimeout   = 10 * time.Second       // franz-go, beyond what a request may take by itself
	failBackoff      = 250 * time.Millisecond // franz-go, before it joins again
	wave             = 60 * time.Second       // from the trigger to the second half of the records
	judged           = 120 * time.Second      // and to the end
	// roundTrip orders what happens at one instant: an answer comes after what was
	// due then anyway.
	roundTrip = time.Microsecond
)

// Config is a cell: an application over a client and a protocol, and what
// happens.
type Config struct {
	Client   Client
	Protocol Protocol
	App      Application
	Trigger  Trigger

	// Timed is the world that was measured: eight records a partition, and eight
	// more later. Untimed, everything may happen at any moment, in a world of
	// Records a partition.
	Timed   bool
	Records int
	Seed    uint64 // of what is by chance in a client, such as the order of its fetchers
	Lapses  int    // untimed: how often the coordinator may give A up

	// Kafka: where kfake differs from Kafka, follow Kafka.
	Kafka bool
}
