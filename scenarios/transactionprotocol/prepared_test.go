package transactionprotocol

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/sim"
	"racelab/sim/explore"
)

// decide asks the database to commit, and to remember the transaction of Kafka that is to
// be committed with it.
type decide struct {
	by    int
	id    model.ProducerID
	epoch model.ProducerEpoch
}

func (*decide) Name() string     { return "commit in the database" }
func (d *decide) String() string { return model.FormatProducer(d.id, d.epoch) }

// takeOver shuts out all who came before, and asks what is decided.
type takeOver struct{ by int }

func (*takeOver) Name() string   { return "take over" }
func (*takeOver) String() string { return "" }

// decided is what the database has.
type decided struct {
	refused bool
	decide
}

func (*decided) Name() string     { return "decided" }
func (d *decided) String() string { return fmt.Sprint(d.refused, " ", d.decide.String()) }

// database decides: it is the coordinator of a two-phase commit, with one row.
type database struct {
	owner int
	row   decide // epoch NoProducerEpoch: nothing is decided
}

func (d *database) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *decide:
		refused := request.by < d.owner
		if !refused {
			d.row = *request
		}
		out.Reply(e, &decided{refused: refused})
	case *takeOver:
		d.owner = max(d.owner, request.by)
		out.Reply(e, &decided{decide: d.row})
	}
}

func (d *database) Check() error { return nil }

// participant is a process that writes to two partitions and to a database, or neither.
// The second is started in the place of the first, which may be dead at any step, or
// alive and late; it only ends what it finds.
type participant struct {
	number         int  `sim:"config"`
	twoPhase, keep bool `sim:"config"`
	db, c, b       *sim.Conn
	id             model.ProducerID
	epoch          model.ProducerEpoch
	found          decide
	partition      model.Partition
	err            model.Error
	result         model.TransactionResult
}

func (p *participant) Run(t *sim.Task) {
	if p.number > 1 {
		t.Step("take over")
		p.db.Send(t, &takeOver{p.number})
		p.found = p.db.Receive(t.At("await decision")).(*decided).decide
	}
	for {
		t.Step("initialise")
		p.c.Send(t, &model.InitProducerIDRequest{
			Version: 6, TransactionTimeout: time.Minute, TwoPhase: p.twoPhase, KeepPrepared: p.keep && p.number > 1,
			ProducerID: model.NoProducerID, ProducerEpoch: model.NoProducerEpoch,
		})
		response := p.c.Receive(t.At("await id")).(*model.InitProducerIDResponse)
		if response.Error == model.ErrConcurrentTransactions {
			continue
		}
		p.id, p.epoch = response.ProducerID, response.ProducerEpoch
		if p.number > 1 {
			p.result = model.Abort
			if response.Kept && response.KeptID == p.found.id && response.KeptEpoch == p.found.epoch {
				p.result = model.Commit
			}
			if response.Kept {
				p.end(t)
			}
			return
		}
		break
	}
	for p.partition = 0; p.partition < 2; p.partition++ {
		t.Step("produce")
		p.b.Send(t, &model.ProduceRequest{Version: 12, Partitions: []model.PartitionBatch{{Partition: p.partition, Batch: model.RecordBatch{
			ProducerID: p.id, ProducerEpoch: p.epoch, Transactional: true, Records: []model.Record{model.Record(p.partition)},
		}}}})
		if p.err = p.b.Receive(t.At("await produce")).(*model.ProduceResponse).Partitions[0].Error; p.err != model.None {
			return
		}
	}
	t.Step("commit in the database")
	p.db.Send(t, &decide{p.number, p.id, p.epoch})
	if p.db.Receive(t.At("await database")).(*decided).refused {
		return
	}
	p.result = model.Commit
	p.end(t)
}

// end ends the transaction, as often as it takes.
func (p *participant) end(t *sim.Task) {
	for {
		t.Step("end")
		p.c.Send(t, &model.EndTxnRequest{Version: 5, ProducerID: p.id, ProducerEpoch: p.epoch, Result: p.result})
		if p.err = p.c.Receive(t.At("await end")).(*model.EndTxnResponse).Error; p.err != model.ErrConcurrentTransactions {
			return
		}
	}
}

// Goal: KIP-939 as proposed. A process writes records in a transaction, commits to a
// database which transaction that is, and then commits in Kafka; it dies or stalls at any
// step, and another takes over. With keepPreparedTxn and enable2Pc a consumer gets both
// records if the database has committed, and none if not. Without the one the new process
// aborts what the database has committed, and without the other the timeout does. Method:
// all states.
func TestPreparedTransactions(t *testing.T) {
	const atomic = "database-and-kafka-agree"
	for _, test := range []struct {
		name           string
		twoPhase, keep bool
		broken         []string
		states         int
	}{
		{"keepPreparedTxn and enable2Pc", true, true, nil, 1_660},
		{"without keepPreparedTxn", true, false, []string{atomic}, 1_932},
		{"without enable2Pc", false, true, []string{atomic}, 4_228},
	} {
		sys, err := explore.NewWorlds(func() *sim.World {
			w := sim.NewWorld()
			rules := model.Rules{With: model.KeepPrepared}
			partitions := []model.Partition{0, 1}
			c := coordinator.NewTransactions(coordinator.TransactionsConfig{
				TransactionalIDs: 1, TransactionVersion: tv2, ScanInterval: -1, Rules: rules, Brokers: []coordinator.Broker{{Name: "B", Partitions: partitions}},
			})
			b := broker.New(broker.Config{Partitions: partitions, Rules: rules, RetryBackoffMax: -1, ProduceRequests: 2})
			db := &database{row: decide{epoch: model.NoProducerEpoch}}
			w.AddNode("C", c)
			w.AddNode("B", b)
			w.AddNode("database", db)
			c.Connect(w.Dial("C", "B"))
			b.Connect(w.Dial("B", "C"))
			for i, name := range []string{"A1", "A2"} {
				w.GoProgram(name, &participant{number: i + 1, twoPhase: test.twoPhase, keep: test.keep, db: w.Dial(name, "database"), c: w.Dial(name, "C"), b: w.Dial(name, "B")})
			}
			w.GoProgram("clock", coordinator.NewDriver(w.Dial("clock", "C"), &coordinator.Scan{}))
			w.Finally(atomic, func(c *sim.Claim) {
				seen := 0
				for _, p := range partitions {
					records, _ := b.Committed(p)
					seen += len(records)
				}
				want := 0
				if db.row.epoch != model.NoProducerEpoch {
					want = 2
				}
				c.Assert(seen == want, "the database has %v, and a consumer gets %d records", db.row.String(), seen)
			})
			return w
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := explore.States(sys, explore.Options{Limit: 2_000_000})
		sys.Close()
		if err != nil {
			t.Fatal(err)
		}
		if r.States != test.states {
			t.Errorf("%s: %d states, want %d", test.name, r.States, test.states)
		}
		for _, name := range []string{atomic, explore.EndsWhenFair, sim.NodeInvariants} {
			v := r.Verdict(name)
			if is := v.Outcome == explore.Broken; !r.Complete || is != slices.Contains(test.broken, name) {
				t.Errorf("%s: %s is %s: %v (schedule: %v)", test.name, name, v.Outcome, v.Err, v.Schedule)
			}
		}
	}
}
