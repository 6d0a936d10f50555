package sweeps

import (
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"racelab/model"
	"racelab/model/app"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer"
	javaclient "racelab/model/producer/java"
	kgoclient "racelab/model/producer/kgo"
	saramaclient "racelab/model/producer/sarama"
	"racelab/scenario"
	"racelab/sim"
)

// policies are ways to try again, each in a client where it is real. What has no
// client of its own is set as Sarama's BackoffFunc, which replaces its 20 ms too.
var policies = []Series{
	{"fixed", "Sarama 1.61.1 with a BackoffFunc that says backoff"},
	{"sarama", "Sarama 1.61.1 with Retry.Backoff: at most 20 ms on the first add"},
	{"kgo", "franz-go 1.22.2 with ConcurrentTransactionsBackoff; more after 1 s"},
	{"exp-full-jitter", "a BackoffFunc: anything up to backoff, which doubles up to 1 s"},
	{"exp-jitter-20", "a BackoffFunc: backoff, which doubles up to 1 s, and 20 % more or less"},
	{"decorrelated", "a BackoffFunc: from backoff to three times the last one, up to 1 s"},
	{"tv2", "franz-go 1.22.2 under TV2: the broker waits backoff, 1 ms or more, for up to 100 ms"},
	{"java", "Kafka's Java client with retry.backoff.ms: 20 ms on the first add"},
}

// maxBackoff is where a backoff that grows stops, unless it begins there.
//
// Source: retry.backoff.max.ms, by its default.
const maxBackoff = time.Second

// backoffFunc is the BackoffFunc of a policy. It draws, and remembers its last
// answer: no search sees it.
//
// Source: KIP-580 for the 20 %; Brooker: Exponential Backoff And Jitter (2015)
// for full and decorrelated jitter.
func backoffFunc(policy string, backoff time.Duration, draws sim.Random) func(retries, maxRetries int) time.Duration {
	most := max(backoff, maxBackoff)
	between := func(from, to time.Duration) time.Duration {
		d := sim.Uniform(from, min(max(from, to), most))
		return d.Draw(&draws)
	}
	last := backoff
	return func(retries, _ int) time.Duration {
		doubled := most
		if retries < 32 {
			doubled = min(most, backoff<<retries)
		}
		switch policy {
		case "exp-full-jitter":
			return between(0, doubled)
		case "exp-jitter-20":
			return between(doubled*4/5, doubled*6/5)
		case "decorrelated":
			if retries == 0 {
				last = backoff
			}
			last = between(backoff, 3*last)
			return last
		}
		return backoff
	}
}

// TransactionLoad is a cluster under the load of transactional producers, each
// of which begins its next transaction as soon as the last one is committed.
//
// One broker leads the partition and writes the markers; another is the
// coordinator, and next to it: between them messages take no time, so that the
// window is what is set and nothing more. Brokers are of before 3.6, which let a
// transactional batch in without asking the coordinator, but for TV2, whose
// broker adds the partition.
type TransactionLoad struct {
	Window           sim.Delay
	Backoff          time.Duration
	Max, ProducerMax int
	Producers        int
	Records          int
	Record           time.Duration
	Latency, Gap     sim.Delay
	Transactions     int // of each producer
}

func (t *TransactionLoad) flags(f *scenario.Flags) {
	f.Delay(&t.Window, "window", "lognormal:3ms,0.5", "from EndTxn at the coordinator to the transaction's completion")
	f.Duration(&t.Backoff, "backoff", 100*time.Millisecond, "what the policy waits before it tries again")
	f.Int(&t.Max, "max", 50, 0, 100_000, "Producer.Transaction.Retry.Max of Sarama, whose policies alone count")
	f.Int(&t.ProducerMax, "producer-max", 3, 0, 100, "Producer.Retry.Max of Sarama, which refuses 0: how often a batch whose budget of retries is spent gets another")
	f.Int(&t.Producers, "producers", 1, 1, 64, "producers, with a transactional id each")
	f.Int(&t.Records, "records", 1, 1, 1_000_000, "records of a transaction")
	f.Duration(&t.Record, "record", 10*time.Microsecond, "what each record takes until it is written")
	f.Delay(&t.Latency, "latency", "500us", "of a message between client and broker, one way")
	f.Delay(&t.Gap, "gap", "0s", "what the application waits between two transactions")
	f.Int(&t.Transactions, "transactions", 500, 2, 1000, "transactions of each producer")
}

// NewTransactionLoad returns the defaults with some set by NAME=VALUE. The error says
// which is wrong, and what is possible.
func NewTransactionLoad(settings ...string) (TransactionLoad, error) {
	t := scenario.Defaults((*TransactionLoad).flags)
	return t, scenario.Set("the load", (*TransactionLoad).flags, &t, settings)
}

// Values are the parameters as text.
func (t TransactionLoad) Values() scenario.Values {
	return scenario.ValuesOf((*TransactionLoad).flags, t)
}

// client makes a producer that follows a policy. franz-go's has a goroutine that
// sends, Java's a thread: a task of its own.
func (t TransactionLoad) client(w *sim.World, policy string, id model.TransactionalID, seed uint64) producer.TxnClient {
	name := fmt.Sprint("producer", id)
	if policy == "java" {
		sends := name + ".sender"
		client := javaclient.NewTransactions(javaclient.Config{TransactionalID: id, RetryBackoff: t.Backoff}, w.Dial(sends, "coordinator"), w.Dial(sends, leader))
		w.GoProgram(sends, client.Sender())
		return client
	}
	toCoordinator := w.Dial(name, "coordinator")
	backoff := t.Backoff
	sarama := saramaclient.Config{
		Release: saramaclient.Release1_61_1, TransactionalID: id, RetryMax: t.Max, RetryBackoff: backoff,
		ProducerRetryMax: t.ProducerMax, ProducerRetryBackoff: 100 * time.Millisecond,
	}
	kgo := kgoclient.Config{TransactionVersion: model.TV1, TransactionalID: id, ConcurrentTransactionsBackoff: backoff, MetadataMinAge: 5 * time.Second}
	switch policy {
	case "kgo", "tv2":
		if policy == "tv2" {
			kgo.TransactionVersion, kgo.ConcurrentTransactionsBackoff = model.TV2, 20*time.Millisecond
		}
		sink := name + ".sink"
		client := kgoclient.NewTransactions(kgo, toCoordinator, kgoclient.SinkConns{Coordinator: w.Dial(sink, "coordinator"), Leader: w.Dial(sink, leader)})
		w.GoProgram(sink, client.Programs()[0])
		return client
	}
	toLeader := w.Dial(name, leader)
	if policy != "sarama" {
		sarama.BackoffFunc = backoffFunc(policy, backoff, sim.NewRandom(seed, fmt.Sprint("backoff ", id)))
	}
	return saramaclient.NewTransactions(sarama, toCoordinator, toLeader)
}

// LoadRun is what one run of a TransactionLoad measured.
type LoadRun struct {
	Throughput       float64 // commits a second, each producer's from its first commit on: what comes before is no cycle
	Answers          float64 // CONCURRENT_TRANSACTIONS
	Requests         float64 // that the coordinator answered
	Tried, Committed float64 // transactions
	P50, P99         float64 // from BeginTxn to CommitTxn's return, in ms
	Seconds          float64 // length of the run
}

// loadMeasures are the numbers of a LoadRun, as a sweep's measures.
var loadMeasures = []string{"throughput", "answers", "requests", "tried", "committed", "failed", "p50", "p99", "seconds"}

func measureLoad(policy string, t TransactionLoad, seed uint64) ([]float64, error) {
	r, err := t.Run(policy, seed)
	return []float64{r.Throughput, r.Answers, r.Requests, r.Tried, r.Committed, r.Tried - r.Committed, r.P50, r.P99, r.Seconds}, err
}

// Run runs the producers, which follow the policy of that name, to their ends.
func (t TransactionLoad) Run(policy string, seed uint64) (LoadRun, error) {
	w := sim.NewWorld()
	leads := broker.Config{
		Partitions: []model.Partition{0}, ProduceRequests: t.Producers, Rules: model.Rules{Without: model.Verification},
		MarkerAppend: t.Window, Draws: sim.NewRandom(seed, "window"),
	}
	if policy == "tv2" {
		leads.Rules, leads.RetryBackoff = model.Rules{}, max(t.Backoff, time.Millisecond)
	}
	addCluster(w, t.Producers, leads)
	for i := range t.Producers {
		name := fmt.Sprint("producer", i)
		client := t.client(w, policy, model.TransactionalID(i), seed)
		w.GoProgram(name, app.NewTransactional(client, app.TxnPlan{
			Transactions: t.Transactions, Records: 1, Partitions: 1, Tries: 1, Work: time.Duration(t.Records) * t.Record,
		}))
	}
	w.Timed(sim.Timing{Seed: seed, Unchecked: true, Latency: t.Latency, Overrides: []sim.DelayOverride{
		{Of: "coordinator->" + leader}, {Of: leader + "->coordinator"},
	}, ThinkTimes: []sim.DelayOverride{{Of: string(app.PointBegin), Delay: t.Gap}}})
	load := &load{producers: make([]progress, t.Producers)}
	w.Watch(load.on())
	err := finish(w, seed, func() {})
	return load.run(), err
}

// leader is the name of the broker that leads all partitions.
const leader = "leader"

// addCluster makes the coordinator and the leader, connected to each other.
func addCluster(w *sim.World, transactionalIDs int, leads broker.Config) {
	transactions, log := coordinator.NewTransactions(coordinator.TransactionsConfig{
		TransactionalIDs: transactionalIDs, ScanInterval: time.Hour,
		Brokers: []coordinator.Broker{{Name: leader, Partitions: leads.Partitions}},
	}), broker.New(leads)
	w.AddNode("coordinator", transactions)
	w.AddNode(leader, log)
	transactions.Connect(w.Dial("coordinator", leader))
	log.Connect(w.Dial(leader, "coordinator"))
}

// load follows transactions from BeginTxn to CommitTxn's return, and counts what
// the coordinator answers.
type load struct {
	producers []progress
	answers   int // CONCURRENT_TRANSACTIONS
	requests  int // that the coordinator answered
	tried     int
	latencies []float64 // of those committed, in ms
	periods   []float64 // from one commit of a producer to its next, in ms
	end       sim.Time
}

// progress is how far a producer is.
type progress struct {
	name        string
	began       sim.Time // its transaction
	first, last sim.Time // when its first and last commit returned
	committed   int
}

// on is the property that shows the load the acts of a run.
func (l *load) on() *sim.Property { return meter(sim.Answered|sim.Called|sim.Returned, l.see) }

func (l *load) see(a sim.Act) {
	switch message := a.Message.(type) {
	case *model.TxnCalled:
		if message.Call != model.BeginTxn {
			return
		}
		l.tried++
		l.of(a.Actor).began = a.At
	case *model.TxnReturned:
		if message.Call != model.CommitTxn {
			return
		}
		if message.OK() {
			l.committed(l.of(a.Actor), a.At)
		}
	default:
		if a.Action != sim.Answered || a.Actor != "coordinator" {
			return
		}
		l.requests++
		if refused(message) {
			l.answers++
		}
	}
	l.end = a.At
}

// committed notes a commit of a producer.
func (l *load) committed(p *progress, at sim.Time) {
	if p.committed++; p.committed == 1 {
		p.first = at
	} else {
		l.periods = append(l.periods, at.Sub(p.last).Seconds()*1000)
	}
	p.last = at
	l.latencies = append(l.latencies, at.Sub(p.began).Seconds()*1000)
}

// of is a producer's progress; who has none yet gets the next.
func (l *load) of(name string) *progress {
	i := slices.IndexFunc(l.producers, func(p progress) bool { return p.name == name || p.name == "" })
	l.producers[i].name = name
	return &l.producers[i]
}

// refused says whether an answer is CONCURRENT_TRANSACTIONS.
func refused(m sim.Message) bool {
	switch response := m.(type) {
	case *model.AddPartitionsToTxnResponse:
		return response.Partitions[0].Error == model.ErrConcurrentTransactions
	case *model.AddOffsetsToTxnResponse:
		return response.Error == model.ErrConcurrentTransactions
	case *model.InitProducerIDResponse:
		return response.Error == model.ErrConcurrentTransactions
	case *model.EndTxnResponse:
		return response.Error == model.ErrConcurrentTransactions
	}
	return false
}

// throughput is the commits a second, each producer's from its first commit on.
func (l *load) throughput() float64 {
	throughput := 0.0
	for _, p := range l.producers {
		if p.committed > 1 {
			throughput += float64(p.committed-1) / p.last.Sub(p.first).Seconds()
		}
	}
	return throughput
}

// run sums up what was followed.
func (l *load) run() LoadRun {
	r := LoadRun{
		Throughput: l.throughput(), Answers: float64(l.answers), Requests: float64(l.requests),
		Tried: float64(l.tried), Committed: float64(len(l.latencies)), Seconds: l.end.Sub(0).Seconds(),
	}
	if slices.Sort(l.latencies); len(l.latencies) > 0 {
		r.P50, r.P99 = stat.Quantile(0.5, stat.Empirical, l.latencies, nil), stat.Quantile(0.99, stat.Empirical, l.latencies, nil)
	}
	return r
}
