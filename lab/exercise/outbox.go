package exercise

import (
	"fmt"

	"racelab/sim"
)

// outbox is exercise 10: a relay between a table and a topic.
func outbox() *Exercise {
	relay := []word{
		{name: "next", gives: number, does: "the first row that is not marked; 0: there is none", waits: true},
		{name: "publish", args: []kind{number}, does: "writes the row to the topic, and waits until it is there", waits: true},
		{name: "mark", args: []kind{number}, does: "marks the row in the table as published", waits: true},
	}
	consumer := []word{
		{name: "handled", args: []kind{number}, gives: condition, does: "whether the row is in the consumer's own table"},
		{name: "handle", args: []kind{number}, does: "ships the order, and puts the row into the consumer's table, in one transaction"},
	}
	p := &program{
		name: "10-outbox", title: "Your own outbox",
		worlds: []world{{name: "one"}, {name: "two", when: "a second relay runs beside the first"}, {name: "kill", when: "kill -9 hits the relay"}},
		goals: []goal{
			{name: "every-order-is-shipped", says: "at the end each order was shipped"},
			{name: "no-order-ships-twice", says: "each order is shipped once"},
		},
		build: func(w *sim.World, c []*code, world string) { buildOutbox(w, c, world) },
	}
	return &Exercise{
		ID: p.name, Title: "Your own outbox", Minutes: 45,
		Story: "A service writes its orders to a table, in the same transaction as its data. A relay reads the table and publishes what is " +
			"new; a consumer ships what is published. Some orders ship twice, and since the last fix some never do.",
		Task: "Write the relay, which runs until the table has nothing new, and receive(), which the consumer calls for each row that it " +
			"reads from the topic. Each of the two orders ships once: with one relay, with two, and with kill -9 at any moment.",
		Skeleton: "func relay() {\n\tfor row := next(); row != 0; row = next() {\n\t\tmark(row)\n\t\tpublish(row)\n\t}\n}\n\nfunc receive(row int) {\n\thandle(row)\n}\n",
		Hints: [3]string{
			"kill the relay between its two calls. Which of the two orders of the calls loses a row, and which repeats one?",
			"no order of the calls is exact. So the relay repeats, and someone else has to notice.",
			"publish, then mark; and receive() handles a row only if !handled(row).",
		},
		Stretch: "write the same as a module of your own, with sim.Var and simtest.Check: docs/your-own-system.md begins it.",
		Shipped: "the idempotent consumer of the transactional outbox pattern",
		Link:    "https://microservices.io/patterns/communication-style/idempotent-consumer.html",
		holes: []*language{
			{hole: "func relay() {", words: relay},
			{hole: "func receive(row int) {", args: []variable{{name: "row", kind: number, does: "that was published: 1 or 2"}}, words: consumer},
		},
		grade: p.grade, scenario: p.race,
	}
}

// rows is how many orders there are.
const rows = 2

// table is the service's: it survives a relay.
type table struct{ marked [rows]sim.Atomic[bool] }

// Describe shows what is marked.
func (t *table) Describe(show func(name, value string)) {
	for i := range t.marked {
		show(fmt.Sprint("order ", i+1), map[bool]string{false: "new", true: "marked"}[t.marked[i].Peek()])
	}
}

// shop is the topic and the consumer: it takes one row after the other.
type shop struct {
	text    *machine
	shipped [rows]int
}

// Handle receives a row, and says that the topic has it.
func (s *shop) Handle(e sim.Envelope, out *sim.Outbox) {
	s.text.run(nil, e.Message.(*order).row)
	out.Reply(e, &written{})
}

// Describe shows what was shipped.
func (s *shop) Describe(show func(name, value string)) {
	for i, n := range s.shipped {
		if n > 0 {
			show(fmt.Sprint("order ", i+1), fmt.Sprintf("shipped %d times", n))
		}
	}
}

// order is a row on its way to the topic; written says that it is there.
type (
	order   struct{ row int }
	written struct{}
)

func (*order) Name() string     { return "publish" }
func (o *order) String() string { return fmt.Sprint("order ", o.row) }
func (*written) Name() string   { return "written" }
func (*written) String() string { return "" }

func buildOutbox(w *sim.World, c []*code, world string) {
	of := func(m *machine) int {
		row := m.arg(0)
		if row < 1 || row > rows {
			panic(fmt.Sprintf("there is no order %d", row))
		}
		return row - 1
	}
	consumer := &shop{}
	consumer.text = newMachine(c[1], []operation{
		func(_ *sim.Task, m *machine) int { return truth(consumer.shipped[of(m)] > 0) },
		func(_ *sim.Task, m *machine) int { consumer.shipped[of(m)]++; return 0 },
	})
	w.AddNode("consumer", consumer)
	orders := &table{}
	w.Share("table", orders)
	relays := []string{"relay"}
	if world == "two" {
		relays = append(relays, "relay2")
	}
	for _, name := range relays {
		topic := w.Dial(name+"-topic", "consumer")
		play(w, name, c[0], []operation{
			step("next", func(t *sim.Task, _ *machine) int {
				for i := range orders.marked {
					if !orders.marked[i].Load(t) {
						return i + 1
					}
				}
				return 0
			}),
			doing(func(t *sim.Task, m *machine) {
				t.Step("publish")
				topic.Send(t, &order{of(m) + 1})
				topic.Receive(t.At("await topic"))
			}),
			step("mark", func(t *sim.Task, m *machine) int { orders.marked[of(m)].Store(t, true); return 0 }),
		})
		w.Process(name+"-process", name, name+"-topic")
	}
	if world == "kill" {
		w.Allow(sim.Faults{ProcessCrashes: 1})
	}
	w.Finally("every-order-is-shipped", func(c *sim.Claim) {
		for i, n := range consumer.shipped {
			c.Assert(n > 0, "order %d was never shipped", i+1)
		}
	})
	w.Always("no-order-ships-twice", func(c *sim.Claim) {
		for i, n := range consumer.shipped {
			if n > 0 {
				c.Assert(n == 1, "order %d was shipped %d times", i+1, n)
			}
		}
	})
}
