package sweeps

import (
	"fmt"
	"slices"
	"strings"
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
	"racelab/scenarios"
	"racelab/sim"
)

// transactionLoad is a cluster under the load of transactional producers, each
// of which begins its next transaction as soon as the last one is committed.
//
// One broker leads the partition and writes the markers; another is the
// coordinator, and next to it: between them messages take no time, so that the
// window is what is set and nothing more. Brokers are of before 3.6, which let a
// transactional batch in without asking the coordinator, but for TV2, whose
// broker adds the partition.
var transactionLoad = []scenarios.Parameter{
	{Name: "window", Help: "from EndTxn at the coordinator to the transaction's completion", Default: "lognormal:3ms,0.5", Takes: scenarios.Delays{}},
	{Name: "backoff", Help: "what the policy waits before it tries again", Default: "100ms", Takes: scenarios.Durations{}},
	{Name: "max", Help: "Producer.Transaction.Retry.Max of Sarama, whose policies alone count", Default: "50", Takes: scenarios.Numbers{Min: 0, Max: 100_000}},
	{Name: "producer-max", Help: "Producer.Retry.Max of Sarama: how often a batch whose budget of retries is spent gets another", Default: "3", Takes: scenarios.Numbers{Min: 0, Max: 100}},
	{Name: "producers", Help: "producers, with a transactional id each", Default: "1", Takes: scenarios.Numbers{Min: 1, Max: 64}},
	{Name: "records", Help: "records of a transaction", Default: "1", Takes: scenarios.Numbers{Min: 1, Max: 1_000_000}},
	{Name: "record", Help: "what each record takes until it is written", Default: "10us", Takes: scenarios.Durations{}},
	{Name: "latency", Help: "of a message between client and broker, one way", Default: "500us", Takes: scenarios.Delays{}},
	{Name: "gap", Help: "what the application waits between two transactions", Default: "0s", Takes: scenarios.Delays{}},
	{Name: "transactions", Help: "transactions of each producer", Default: "500", Takes: scenarios.Numbers{Min: 2, Max: 1000}},
}

// withDefaults are the parameters with other defaults.
func withDefaults(parameters []scenarios.Parameter, settings ...string) []scenarios.Parameter {
	parameters = slices.Clone(parameters)
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		i := slices.IndexFunc(parameters, func(p scenarios.Parameter) bool { return p.Name == name })
		parameters[i].Default = value
	}
	return parameters
}

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
func backoffFunc(policy string, backoff time.Duration, draws sim.Draws) func(retries, maxRetries int) time.Duration {
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

// transactionalClient makes a producer that follows a policy.
func transactionalClient(policy string, id model.TransactionalID, values scenarios.Values, seed uint64, toCoordinator, toLeader *sim.Conn) producer.TxnClient {
	backoff := values.Duration("backoff")
	sarama := saramaclient.Config{
		Release: saramaclient.Release1_61_1, TransactionalID: id,
		RetryMax: values.Int("max"), RetryBackoff: backoff,
		ProducerRetryMax: values.Int("producer-max"), ProducerRetryBackoff: 100 * time.Millisecond,
	}
	kgo := kgoclient.Config{TransactionVersion: model.TV1, TransactionalID: id, ConcurrentTransactionsBackoff: backoff, MetadataMinAge: 5 * time.Second}
	switch policy {
	case "java":
		return javaclient.NewTransactions(javaclient.Config{TransactionalID: id, RetryBackoff: backoff}, toCoordinator, toLeader)
	case "kgo":
		return kgoclient.NewTransactions(kgo, toCoordinator, toLeader)
	case "tv2":
		kgo.TransactionVersion, kgo.ConcurrentTransactionsBackoff = model.TV2, 20*time.Millisecond
		return kgoclient.NewTransactions(kgo, toCoordinator, toLeader)
	case "sarama":
	default:
		sarama.BackoffFunc = backoffFunc(policy, backoff, sim.NewDraws(seed, fmt.Sprint("backoff ", id)))
	}
	return saramaclient.NewTransactions(sarama, toCoordinator, toLeader)
}

// loadMeasures is what measureLoad returns.
var loadMeasures = []string{"throughput", "answers", "requests", "tried", "committed", "failed", "p50", "p99", "seconds"}

// measureLoad runs the producers to their ends, and measures what each got done
// from its first commit on, as what comes before is no cycle.
func measureLoad(policy string, values scenarios.Values, seed uint64) ([]float64, error) {
	w := sim.NewWorld()
	producers := values.Int("producers")
	leads := broker.Config{
		Partitions: []model.Partition{0}, ProduceRequests: producers, WithoutVerification: true,
		MarkerAppend: values.Delay("window"), Draws: sim.NewDraws(seed, "window"),
	}
	if policy == "tv2" {
		leads.WithoutVerification, leads.RetryBackoff = false, max(values.Duration("backoff"), time.Millisecond)
	}
	addCluster(w, producers, leads)
	for i := range producers {
		name := fmt.Sprint("producer", i)
		client := transactionalClient(policy, model.TransactionalID(i), values, seed, w.Dial(name, "coordinator"), w.Dial(name, leader))
		w.Go(name, app.NewTransactional(client, app.TxnPlan{
			Transactions: values.Int("transactions"), Records: 1, Partitions: 1, Tries: 1,
			Work: time.Duration(values.Int("records")) * values.Duration("record"),
		}))
	}
	w.Timed(sim.Timing{Seed: seed, Unchecked: true, Latency: values.Delay("latency"), Except: []sim.Taking{
		{Of: "coordinator->" + leader}, {Of: leader + "->coordinator"},
	}, Before: []sim.Taking{{Of: string(app.PointBegin), Delay: values.Delay("gap")}}})
	load := &load{producers: make([]progress, producers)}
	w.Watch(load)
	err := finish(w, seed, func() {})
	return load.measures(), err
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
// the coordinator answers. It is a property that always holds.
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

func (l *load) Name() string { return "load" }

func (l *load) Watches(o sim.Observation) bool {
	switch o.Action {
	case sim.Answered:
		return o.Actor == "coordinator"
	case sim.Called:
		return sim.NameOf(o.Message) == "BeginTxn"
	case sim.Returned:
		return sim.NameOf(o.Message) == "CommitTxn"
	}
	return false
}

func (l *load) Observe(o sim.Observation) (tested bool, err error) {
	l.end = o.At
	switch o.Action {
	case sim.Answered:
		l.requests++
		if refused(o.Message) {
			l.answers++
		}
	case sim.Called:
		l.tried++
		l.of(o.Actor).began = o.At
	case sim.Returned:
		if !o.Message.(*model.TxnReturned).OK() {
			break
		}
		p := l.of(o.Actor)
		if p.committed++; p.committed == 1 {
			p.first = o.At
		} else {
			l.periods = append(l.periods, o.At.Sub(p.last).Seconds()*1000)
		}
		p.last = o.At
		l.latencies = append(l.latencies, o.At.Sub(p.began).Seconds()*1000)
	}
	return true, nil
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

// measures are those of loadMeasures.
func (l *load) measures() []float64 {
	committed := len(l.latencies)
	slices.Sort(l.latencies)
	p50, p99 := 0.0, 0.0
	if len(l.latencies) > 0 {
		p50, p99 = stat.Quantile(0.5, stat.Empirical, l.latencies, nil), stat.Quantile(0.99, stat.Empirical, l.latencies, nil)
	}
	return []float64{
		l.throughput(), float64(l.answers), float64(l.requests), float64(l.tried), float64(committed), float64(l.tried - committed),
		p50, p99, l.end.Sub(0).Seconds(),
	}
}
