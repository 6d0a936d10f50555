package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"racelab/model"
	"racelab/model/app"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer/plain"
	"racelab/properties"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

// transactions is a world of producers that all have the same transactional id,
// so that the later ones fence the earlier, of one consumer, and of a coordinator and two
// brokers, each of which leads a partition.
type transactions struct {
	version   model.TransactionVersion
	producers [][]model.TransactionResult // how the transactions of each end
	faults    sim.Faults
	maxEpoch  model.ProducerEpoch // 0: as in Kafka
}

func (x transactions) build() *sim.World {
	w := sim.NewWorld()
	w.Allow(x.faults)
	brokers := []coordinator.Broker{{Name: "B0", Partitions: []model.Partition{0}}, {Name: "B1", Partitions: []model.Partition{1}}}
	c := coordinator.NewTransactions(coordinator.TransactionsConfig{TransactionalIDs: 1, MaxEpoch: x.maxEpoch, Brokers: brokers})
	w.AddNode("coordinator", c)
	var conns []*sim.Conn
	for _, b := range brokers {
		node := broker.New(broker.Config{Partitions: b.Partitions, ProduceRequests: 2})
		w.AddNode(b.Name, node)
		conns = append(conns, w.Dial("coordinator", b.Name))
		node.Connect(w.Dial(b.Name, "coordinator"))
	}
	c.Connect(conns...)
	first := 0
	for i, results := range x.producers {
		name := fmt.Sprint("producer", i)
		config := plain.Config{Version: x.version, First: first}
		for _, result := range results {
			config.Transactions = append(config.Transactions, plain.Transaction{Partitions: []model.Partition{0, 1}, Result: result})
		}
		w.GoProgram(name, plain.New(config, []*sim.Conn{w.Dial(name, "coordinator")}, nil, w.Dial(name, "B0"), w.Dial(name, "B1")))
		first += len(results)
	}
	w.GoProgram("consumer", app.NewAssignedConsumer(1, 0, w.Dial("consumer", "B0"), w.Dial("consumer", "B1")))
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
		{"TV1", transactions{version: model.TV1, producers: []results{{abort, commit}}}, 8_556},
		{"TV2", transactions{version: model.TV2, producers: []results{{abort, commit}}}, 20_024},
		{"TV2, a new producer id each time", transactions{version: model.TV2, producers: []results{{abort, commit}}, maxEpoch: 1}, 20_024},
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
	producer := func(e sim.Event) bool { return strings.HasPrefix(e.Actor, "producer0") && e.Label != "back off" }
	consumer := func(e sim.Event) bool { return strings.HasPrefix(e.Actor, "consumer") }
	other := func(e sim.Event) bool {
		return e.Label != "fires" && e.Label != "back off" && !producer(e) && !consumer(e)
	}
	later := func(e sim.Event) bool { return e.Label != "back off" && !consumer(e) }
	order := []func(e sim.Event) bool{other, producer, later, func(e sim.Event) bool { return !consumer(e) }}
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
