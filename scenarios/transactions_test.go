package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/properties"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// plainProducer is the simplest transactional producer: it writes one record to
// each partition, ends the transaction, and tries again for ever where the
// answer is CONCURRENT_TRANSACTIONS. What else it is refused makes it stop, and so
// does a connection that breaks, but for EndTxn.
type plainProducer struct {
	coordinator *sim.Conn
	leaders     []*sim.Conn               // by partition
	version     model.TransactionVersion  `sim:"config"`
	results     []model.TransactionResult `sim:"config"`
	first       int                       `sim:"config"` // the number of its first transaction
	backoff     sim.Timer
	producerID  model.ProducerID
	epoch       model.ProducerEpoch
	sequence    model.Sequence
	txn         int
	partition   model.Partition
	refusal     model.Error
}

func (c *plainProducer) Run(t *sim.Task) {
	t.Step("start")
	c.initProducerID(t)
	for c.txn = 0; c.txn < len(c.results) && c.refusal == model.None; c.txn++ {
		if c.version == model.TV1 {
			c.addPartitions(t)
		}
		for c.partition = 0; int(c.partition) < len(c.leaders) && c.refusal == model.None; c.partition++ {
			c.produce(t)
		}
		if c.refusal == model.None {
			c.endTxn(t)
		}
	}
}

func (c *plainProducer) initProducerID(t *sim.Task) {
	for {
		c.coordinator.Send(t, &model.InitProducerIDRequest{Version: 4, TransactionTimeout: time.Minute, ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch})
		response, ok := c.coordinator.Receive(t.At("await id")).(*model.InitProducerIDResponse)
		if !ok {
			c.refusal = model.ErrNetworkException
			return
		}
		c.producerID, c.epoch, c.refusal = response.ProducerID, response.ProducerEpoch, response.Error
		if c.refusal != model.ErrConcurrentTransactions {
			return
		}
		c.backoff.Sleep(t.At("back off"), 20*time.Millisecond)
	}
}

func (c *plainProducer) addPartitions(t *sim.Task) {
	for {
		request := &model.AddPartitionsToTxnRequest{Version: 3, ProducerID: c.producerID, ProducerEpoch: c.epoch}
		for p := range c.leaders {
			request.Partitions = append(request.Partitions, model.Partition(p))
		}
		c.coordinator.Send(t, request)
		response, ok := c.coordinator.Receive(t.At("await add")).(*model.AddPartitionsToTxnResponse)
		if !ok {
			c.refusal = model.ErrNetworkException
			return
		}
		c.refusal = response.Partitions[0].Error
		if c.refusal != model.ErrConcurrentTransactions {
			return
		}
		c.backoff.Sleep(t.At("back off"), 20*time.Millisecond)
	}
}

func (c *plainProducer) produce(t *sim.Task) {
	for {
		version := model.APIVersion(11)
		if c.version == model.TV2 {
			version = 12
		}
		c.leaders[c.partition].Send(t, &model.ProduceRequest{Version: version, Partitions: []model.PartitionBatch{{
			Partition: c.partition,
			Batch: model.RecordBatch{
				ProducerID: c.producerID, ProducerEpoch: c.epoch, BaseSequence: c.sequence, Transactional: true,
				Records: []model.Record{model.Record(10*(c.first+c.txn) + int(c.partition))},
			},
		}}})
		response, ok := c.leaders[c.partition].Receive(t.At("await produce")).(*model.ProduceResponse)
		if !ok {
			c.refusal = model.ErrNetworkException
			return
		}
		c.refusal = response.Partitions[0].Error
		if c.refusal != model.ErrConcurrentTransactions {
			return
		}
		c.backoff.Sleep(t.At("back off"), 20*time.Millisecond)
	}
}

func (c *plainProducer) endTxn(t *sim.Task) {
	for {
		version := model.APIVersion(4)
		if c.version == model.TV2 {
			version = 5
		}
		c.coordinator.Send(t, &model.EndTxnRequest{Version: version, ProducerID: c.producerID, ProducerEpoch: c.epoch, Result: c.results[c.txn]})
		response, ok := c.coordinator.Receive(t.At("await end")).(*model.EndTxnResponse)
		if !ok {
			// It may have been done or not: asking again is all that is left.
			c.coordinator.Redial(t.At("redial"))
			continue
		}
		c.refusal = response.Error
		if c.refusal == model.None {
			c.sequence++
			if c.version == model.TV2 {
				c.producerID, c.epoch, c.sequence = response.ProducerID, response.ProducerEpoch, 0
			}
		}
		if c.refusal != model.ErrConcurrentTransactions {
			return
		}
		c.backoff.Sleep(t.At("back off"), 20*time.Millisecond)
	}
}

// plainConsumer fetches each partition once from the start, read_committed.
type plainConsumer struct {
	leaders   []*sim.Conn
	partition model.Partition
}

func (c *plainConsumer) Run(t *sim.Task) {
	for c.partition = 0; int(c.partition) < len(c.leaders); c.partition++ {
		t.Step("fetch")
		c.leaders[c.partition].Send(t, &model.FetchRequest{Partition: c.partition, IsolationLevel: model.ReadCommitted})
		c.leaders[c.partition].Receive(t.At("await fetch"))
	}
}

// cluster is a coordinator and two brokers, each of which leads a partition and
// takes the given time to write markers.
func cluster(w *sim.World, config coordinator.TransactionsConfig, markerAppend sim.Delay) {
	config.TransactionalIDs = 1
	config.Brokers = []coordinator.Broker{{Name: "B0", Partitions: []model.Partition{0}}, {Name: "B1", Partitions: []model.Partition{1}}}
	c := coordinator.NewTransactions(config)
	w.AddNode("coordinator", c)
	var conns []*sim.Conn
	for _, b := range config.Brokers {
		node := broker.New(broker.Config{Partitions: b.Partitions, ProduceRequests: 2, MarkerAppend: markerAppend})
		w.AddNode(b.Name, node)
		conns = append(conns, w.Dial("coordinator", b.Name))
		node.Connect(w.Dial(b.Name, "coordinator"))
	}
	c.Connect(conns...)
}

// transactions is a world of producers that all have the same transactional id,
// so that the later ones fence the earlier, and of one consumer.
type transactions struct {
	version   model.TransactionVersion
	producers [][]model.TransactionResult // how the transactions of each end
	faults    sim.Faults
	maxEpoch  model.ProducerEpoch // 0: as in Kafka
	markers   time.Duration       // how long they take
}

func (x transactions) build() *sim.World {
	w := sim.NewWorld()
	w.Allow(x.faults)
	cluster(w, coordinator.TransactionsConfig{MaxEpoch: x.maxEpoch}, sim.Constant(x.markers))
	first := 0
	for i, results := range x.producers {
		name := fmt.Sprint("producer", i)
		w.GoProgram(name, &plainProducer{
			coordinator: w.Dial(name, "coordinator"), leaders: []*sim.Conn{w.Dial(name, "B0"), w.Dial(name, "B1")},
			version: x.version, results: results, first: first,
		})
		first += len(results)
	}
	w.GoProgram("consumer", &plainConsumer{leaders: []*sim.Conn{w.Dial("consumer", "B0"), w.Dial("consumer", "B1")}})
	of := func(r model.Record) int { return int(r) / 10 }
	w.Watch(properties.TransactionsAreAtomic(of))
	w.Watch(properties.ReadCommittedSeesTheOutcome(of))
	return w
}

const commit, abort = model.Commit, model.Abort

// results are those of the transactions of each producer.
type results = []model.TransactionResult

// Goal: transactions are atomic, and read_committed shows their outcome, whenever
// the markers come, the coordinator loses patience, or a consumer looks. Method:
// all states.
func TestTransactionsInAllStates(t *testing.T) {
	long(t)
	for _, test := range []struct {
		name   string
		x      transactions
		states int
	}{
		{"TV1", transactions{version: model.TV1, producers: []results{{abort, commit}}}, 7_895},
		{"TV2", transactions{version: model.TV2, producers: []results{{abort, commit}}}, 14_779},
		{"TV2, a new producer id each time", transactions{version: model.TV2, producers: []results{{abort, commit}}, maxEpoch: 1}, 14_779},
	} {
		sys, err := explore.NewWorlds(test.x.build)
		if err != nil {
			t.Fatal(err)
		}
		r := simtest.Must(explore.States(sys, explore.Options{Limit: 500_000}))
		sys.Close()
		if r.States != test.states {
			t.Errorf("%s: %d states, want %d", test.name, r.States, test.states)
		}
		for _, v := range r.Verdicts {
			// There is no lock, so nothing can be in the way of another.
			if want := explore.Exhausted; v.Outcome != want && v.Property != sim.NoDeadlock {
				t.Errorf("%s: %s is %q, want %q: %v (schedule: %v)", test.name, v.Property, v.Outcome, want, v.Err, v.Schedule)
			}
		}
	}
}

// Goal: the same with a second producer that fences the first, and with
// connections that break. Method: random schedules.
func TestTransactionsSampled(t *testing.T) {
	for _, version := range []model.TransactionVersion{model.TV1, model.TV2} {
		for _, budget := range []sim.Faults{{}, {Cuts: 2}} {
			x := transactions{version: version, producers: []results{{abort, commit}, {commit}}, faults: budget}
			simtest.Holds(t, func(t *rapid.T) (func() *sim.World, sim.Chooser) { return x.build, simtest.NewDrawn(t) })
		}
	}
}

// late is the Chooser of a story: a message is on its way, its connection breaks
// the other way round, and it arrives only when the next transaction has written
// to P0, and its write to P1 is under way. Then consumers look.
type late struct {
	message string // "producer0->coordinator EndTxn"
	cut     string // "cut coordinator->producer0"
	isCut   bool
	writes  int // to P0, so far
	arrived bool
}

func (c *late) Choose(enabled []sim.Event) (int, error) {
	find := func(is func(e sim.Event) bool) int { return slices.IndexFunc(enabled, is) }
	message := find(func(e sim.Event) bool { return e.String() == c.message })
	cut := find(func(e sim.Event) bool { return e.Label == c.cut })
	halfway := find(func(e sim.Event) bool { return e.Actor == "producer0->B1" })
	producer := func(e sim.Event) bool { return strings.HasPrefix(e.Actor, "producer0") }
	consumer := func(e sim.Event) bool { return strings.HasPrefix(e.Actor, "consumer") }
	other := func(e sim.Event) bool {
		return !e.Fault && e.Label != "fires" && e.String() != c.message && !producer(e) && !consumer(e)
	}
	order := []func(e sim.Event) bool{other, producer, func(e sim.Event) bool { return !consumer(e) && e.String() != c.message }}
	switch {
	case message >= 0 && cut >= 0 && !c.isCut:
		c.isCut = true
		return cut, nil
	case message >= 0 && c.writes == 2 && halfway >= 0 && !c.arrived:
		c.arrived = true
		return message, nil
	case c.arrived:
		order = []func(e sim.Event) bool{other, consumer, producer, func(sim.Event) bool { return true }}
	}
	for _, is := range order {
		if i := find(func(e sim.Event) bool { return is(e) && !e.Fault && e.String() != c.message }); i >= 0 {
			if enabled[i].Actor == "producer0->B0" {
				c.writes++
			}
			return i, nil
		}
	}
	return 0, nil
}

// Goal: an EndTxn that is late, after its second try was answered (KAFKA-17754),
// or a marker that is, ends the next transaction halfway under TV1. Under TV2
// both are refused, since each transaction has an epoch of its own.
func TestLateMessages(t *testing.T) {
	for _, story := range []late{
		{message: "producer0->coordinator EndTxn", cut: "cut coordinator->producer0"},
		{message: "coordinator->B0 WriteTxnMarkers", cut: "cut B0->coordinator"},
	} {
		for version, want := range map[model.TransactionVersion]string{
			model.TV1: "read-committed-sees-the-outcome: of transaction 1 a read_committed consumer saw record 10 before anybody asked to commit it",
			model.TV2: "nothing",
		} {
			chooser := story
			x := transactions{version: version, producers: []results{{commit, commit}}, faults: sim.Faults{Cuts: 1}}
			broken, schedule := simtest.Broken(x.build(), &chooser)
			got := "nothing"
			if len(broken) > 0 {
				got = fmt.Sprintf("%s: %v", broken[0].Property, broken[0].Err)
			}
			if got != want || !chooser.arrived {
				t.Errorf("%v, %s is late: broken is %s, want %s (arrived: %v; schedule: %v)", version, story.message, got, want, chooser.arrived, schedule)
			}
		}
	}
}
