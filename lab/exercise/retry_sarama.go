package exercise

import (
	"time"

	"racelab/model"
	"racelab/model/broker"
	"racelab/model/coordinator"
	"racelab/model/producer"
	"racelab/model/producer/sarama"
	"racelab/sim"
)

// buildRetryOfSarama puts the text above Sarama as it is modelled, with as few retries
// as it accepts, so that the application hears of the window.
func buildRetryOfSarama(w *sim.World, c *code) {
	partition := []model.Partition{0}
	transactions := coordinator.NewTransactions(coordinator.TransactionsConfig{
		TransactionalIDs: 1, Brokers: []coordinator.Broker{{Name: "broker", Partitions: partition}},
	})
	w.AddNode("coordinator", transactions)
	leader := broker.New(broker.Config{
		Partitions: partition, ProduceRequests: 1, RetryBackoffMax: -1,
		MarkerAppend: sim.Constant(50 * time.Millisecond), Draws: sim.NewRandom(0, "markers"),
	})
	w.AddNode("broker", leader)
	transactions.Connect(w.Dial("coordinator", "broker"))
	leader.Connect(w.Dial("broker", "coordinator"))
	a := &saramaApp{client: sarama.NewTransactions(sarama.Config{
		Release: sarama.Release1_61_1, RetryBackoff: 20 * time.Millisecond, ProducerRetryMax: 1, ProducerRetryBackoff: time.Millisecond,
	}, w.Dial("app", "coordinator"), w.Dial("app", "broker"))}
	a.text = newMachine(c, []operation{
		a.calls(model.BeginTxn, "begin", a.client.BeginTxn),
		a.calls(model.Send, "produce", a.client.Send),
		a.calls(model.CommitTxn, "commit", a.client.CommitTxn),
		a.calls(model.AbortTxn, "abort", a.client.AbortTxn),
		doing(func(t *sim.Task, _ *machine) { a.wait.Sleep(t.At("sleep"), 10*time.Millisecond) }),
	})
	w.GoProgram("app", a)
	w.Timed(sim.Timing{})
	for _, p := range ordersOf() {
		w.Watch(p)
	}
}

// saramaApp is the application, with its client.
type saramaApp struct {
	client producer.TxnClient
	text   *machine
	wait   sim.Timer
}

// Run is the application.
func (a *saramaApp) Run(t *sim.Task) {
	t.Step("start")
	a.client.InitTransactions(t)
	a.text.run(t)
	a.client.Close(t)
}

// Describe shows what the client is in.
func (a *saramaApp) Describe(show func(name, value string)) {
	show("client", a.client.API().Status.String())
}

// calls is a call of the client, which gives the text its error.
func (a *saramaApp) calls(call model.TxnCall, point string, f func(*sim.Task)) operation {
	return func(t *sim.Task, m *machine) int {
		t.Step(point)
		api := a.client.API()
		called := &model.TxnCalled{Call: call}
		if call == model.Send {
			api.Record = model.Record(1 + m.arg(0))
			called.Record = api.Record
		}
		t.Call(called)
		f(t)
		failure := a.client.API().Failure
		t.Return(&model.TxnReturned{Call: call, Error: failure.Kafka(), NotAllowed: failure == producer.ErrNotAllowed, Status: a.client.API().Status})
		if failure == producer.ErrNotAllowed {
			return notReady
		}
		return int(failure)
	}
}

// ordersOf judges which orders are committed, by what the calls of the client gave.
func ordersOf() []*sim.Property {
	follow := func(name string) (*sim.Property, *[retryOrders]int) {
		var m struct {
			written   model.Record // in the transaction
			sending   model.Record
			committed [retryOrders]int
		}
		p := sim.NewProperty(name, &m)
		sim.On(p, sim.Called, func(_ *sim.Claim, _ sim.Act, called *model.TxnCalled) { m.sending = called.Record })
		sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, r *model.TxnReturned) {
			switch {
			case !r.OK():
			case r.Call == model.Send:
				m.written = m.sending
			case r.Call == model.AbortTxn:
				m.written = 0
			case r.Call == model.CommitTxn && m.written > 0:
				m.committed[m.written-1]++
				c.Assert(m.committed[m.written-1] == 1, "order %d was committed %d times", m.written-1, m.committed[m.written-1])
				m.written = 0
			}
			m.sending = 0
		})
		return p, &m.committed
	}
	once, _ := follow("no-order-is-committed-twice")
	all, committed := follow("every-order-is-committed")
	all.Finally(func(c *sim.Claim) {
		for i, n := range committed {
			c.Assert(n > 0, "order %d was never committed", i)
		}
	})
	return []*sim.Property{all, once}
}
