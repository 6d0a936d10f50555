package exercise

import (
	"fmt"

	"racelab/sim"
)

// retry is exercise 05: where the retry of CONCURRENT_TRANSACTIONS stands.
func retry() *Exercise {
	words := []word{
		{name: "begin", gives: failure, does: "BeginTxn: says that a transaction begins, and asks nobody", waits: true},
		{name: "produce", args: []kind{number}, gives: failure, does: "adds the partition and writes the order: produce(order)", waits: true},
		{name: "commit", gives: failure, does: "CommitTxn: the coordinator decides, and writes its markers later", waits: true},
		{name: "abort", gives: failure, does: "AbortTxn: undoes the transaction, and leads out of an error", waits: true},
		{name: "sleep", does: "waits a while", waits: true},
	}
	p := &program{
		name: "05-retry", title: "Where the retry stands",
		worlds: []world{{name: "quick"}, {name: "window", when: "the markers of a transaction are written after the answer to its commit"},
			{name: "sarama", when: "the client is Sarama 1.61.1, with a broker, and the window lasts 50 ms"}},
		goals: []goal{
			{name: "every-order-is-committed", says: "at the end each order is committed"},
			{name: "no-order-is-committed-twice", says: "no order is committed twice"},
		},
		build: func(w *sim.World, c []*code, world string) {
			if world == "sarama" {
				buildRetryOfSarama(w, c[0])
				return
			}
			buildRetry(w, c[0], world == "window")
		},
	}
	return &Exercise{
		ID: p.name, Title: "Where the retry stands", Minutes: 25,
		Story: "Since the last deployment the producer fails with CONCURRENT_TRANSACTIONS now and then. A write-up said to call BeginTxn in " +
			"a loop for as long as it answers that. The loop is there, and orders are missing.",
		Task: "Write the application's loop, so that each of the orders is committed, once. After an error the client refuses everything " +
			"but abort().",
		Skeleton: "for order := range orders {\n\terr := begin()\n\tfor err == ErrConcurrentTransactions {\n\t\tsleep()\n\t\terr = begin()\n\t}\n\tproduce(order)\n\tcommit()\n}\n",
		Hints: [3]string{
			"let the markers of the first order wait, and begin the second. Which call is refused?",
			"begin() asks nobody, so it cannot be refused: your loop never turns. The refusal comes from produce().",
			"for each order: begin, produce, commit; if one of them fails abort, sleep, and do all of it again.",
		},
		Stretch:  "how often can the inner loop turn? Exercise 09 asks how long it should sleep.",
		Shipped:  "the documented loop of franz-go, Sarama (since 1.61.1) and Java",
		Link:     "https://github.com/IBM/sarama",
		Released: "sarama@v1.43.1 concurrent-transactions",
		holes: []*language{{hole: "func produceAll() {", words: words, values: map[string]variable{
			"orders":                    {kind: number, value: retryOrders, does: "how many there are: 2, from 0"},
			"ErrConcurrentTransactions": {kind: failure, value: concurrentTransactions, does: "the last transaction is not complete"},
			"ErrTransactionNotReady":    {kind: failure, value: notReady, does: "the client is in an error, and wants abort()"},
		}}},
		grade: p.grade, scenario: p.race,
	}
}

const (
	retryOrders            = 2
	concurrentTransactions = 51
	notReady               = 1
)

// ledger is what the coordinator has.
//
// Differs: unlike racelab/model/coordinator it is memory that the client reaches in
// a step, and a transaction has one partition. Without epochs a loop that tries for
// ever has few states; with them, as in the world sarama, only a clock ends it.
type ledger struct {
	completing sim.Atomic[bool] // markers are still to be written
	decided    sim.Chan[bool]   // transactions, for those who write markers
	committed  [retryOrders]sim.Atomic[int]
	refusals   sim.Atomic[bool] // there was one
}

// Describe shows what is committed.
func (l *ledger) Describe(show func(name, value string)) {
	if l.completing.Peek() {
		show("markers", "to be written")
	}
	for i := range l.committed {
		show(fmt.Sprint("order ", i), fmt.Sprintf("committed %d times", l.committed[i].Peek()))
	}
}

// txnClient is the application, with its client's state.
type txnClient struct {
	*ledger
	text   *machine
	begun  bool
	failed bool
	order  int // in the transaction, from 1; 0: none
}

// Run is the application.
func (a *txnClient) Run(t *sim.Task) {
	a.text.run(t)
	t.Step("close")
	a.decided.Close(t)
}

// Describe shows what the client is in.
func (a *txnClient) Describe(show func(name, value string)) {
	switch {
	case a.failed:
		show("client", "error")
	case a.begun:
		show("client", "in a transaction")
	}
}

// decide ends the transaction, if it has a partition.
func (a *txnClient) decide(t *sim.Task, late bool) {
	if a.order > 0 && late {
		a.completing.Store(t, true)
		a.decided.Send(t, true)
	}
	a.order, a.begun, a.failed = 0, false, false
}

// marker writes the markers of one transaction after the other.
type marker struct{ of *ledger }

// Run ends when the application has.
func (m *marker) Run(t *sim.Task) {
	for {
		_, ok := m.of.decided.Receive(t.At("write markers"))
		if !ok {
			return
		}
		m.of.completing.Store(t, false)
	}
}

func buildRetry(w *sim.World, c *code, late bool) {
	l := &ledger{}
	l.decided.Init(8)
	w.Share("coordinator", l)
	a := &txnClient{ledger: l}
	a.text = newMachine(c, []operation{
		step("begin", func(_ *sim.Task, _ *machine) int {
			if a.failed || a.begun {
				return notReady
			}
			a.begun = true
			return 0
		}),
		step("produce", func(t *sim.Task, m *machine) int {
			switch order := m.arg(0); {
			case order < 0 || order >= retryOrders:
				panic(fmt.Sprintf("there is no order %d", order))
			case a.failed || !a.begun:
				return notReady
			case a.completing.Load(t):
				a.failed = true
				a.refusals.Store(t, true)
				return concurrentTransactions
			default:
				a.order = order + 1
				return 0
			}
		}),
		step("commit", func(t *sim.Task, _ *machine) int {
			if a.failed || !a.begun {
				return notReady
			}
			if a.order > 0 {
				a.committed[a.order-1].Store(t, a.committed[a.order-1].Load(t)+1)
			}
			a.decide(t, late)
			return 0
		}),
		step("abort", func(t *sim.Task, _ *machine) int { a.decide(t, late); return 0 }),
		step("sleep", func(*sim.Task, *machine) int { return 0 }),
	})
	w.GoProgram("app", a)
	w.GoProgram("markers", &marker{l})
	w.Finally("every-order-is-committed", func(c *sim.Claim) {
		for i := range l.committed {
			why := ""
			if l.refusals.Peek() {
				why = ": produce() was refused with CONCURRENT_TRANSACTIONS, which begin() never returns"
			}
			c.Assert(l.committed[i].Peek() > 0, "order %d was never committed%s", i, why)
		}
	})
	w.Always("no-order-is-committed-twice", func(c *sim.Claim) {
		for i := range l.committed {
			if n := l.committed[i].Peek(); n > 0 {
				c.Assert(n == 1, "order %d was committed %d times", i, n)
			}
		}
	})
}
