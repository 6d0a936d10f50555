package app

import (
	"time"

	"racelab/model"
	"racelab/model/producer"
	"racelab/sim"
)

// TxnPlan is what an application means to do.
type TxnPlan struct {
	Transactions int
	Records      int // a transaction, to the partitions in turn
	Partitions   int
	// BeginRetry waits so long and calls BeginTxn again, when BeginTxn answers
	// CONCURRENT_TRANSACTIONS: the loop of a write-up. 0: no loop.
	BeginRetry time.Duration
	// Pause is how long the application waits before each transaction but the
	// first.
	Pause time.Duration
	// Work is what the application does in each transaction, before it commits it.
	Work time.Duration
	// Tries is how often a transaction is tried that has to be aborted, before
	// the application goes on with the next. The least is 1.
	Tries int
	// Inside is how the second transaction ends inside the window of the first,
	// without a wait for its record. Its client is an InsideEnder. Zero: it is like the
	// others.
	Inside producer.Inside
	// Repeat says that a call which came back with a TimeoutException is made again, as
	// the documentation of Java's client asks for. If not, the transaction is aborted, as
	// the example there does upon each KafkaException.
	Repeat bool
	// Budget is how often the client tries, in the words of its configuration.
	Budget string
}

// Transactional writes transaction after transaction. If one fails it is
// aborted; AbortTxn is called until it succeeds, as the documentation of all
// three clients has it, unless the client says that its error is fatal. When
// BeginTxn or AbortTxn is not allowed, or the error is fatal, the application gives up; at
// last it tries whether AbortTxn and BeginTxn, once more, get it to where it can send.
type Transactional struct {
	client producer.TxnClient
	// ender is the client, if a transaction ends inside.
	ender producer.InsideEnder
	plan  TxnPlan `sim:"config"`
	wait  sim.Timer

	txn       int // from 0; each try is one of its own
	sent      int // records of it
	tries     int // of what is written in it
	committed int // or aborted as planned
	lost      int
	failed    bool
	cause     model.Error // for which the transaction failed
	gaveUp    bool
	call      model.TxnCall
}

// NewTransactional returns an application that uses the client.
func NewTransactional(client producer.TxnClient, plan TxnPlan) *Transactional {
	a := &Transactional{client: client, plan: plan}
	if plan.Inside.After > 0 {
		client.API().Inside = plan.Inside
		a.ender = client.(producer.InsideEnder)
	}
	return a
}

// TransactionOf is the transaction that a record is of, from 0.
func TransactionOf(r model.Record) int { return int(r) / 10 }

func (a *Transactional) Run(t *sim.Task) {
	t.Step(PointStart)
	a.called(t, model.InitTransactions)
	a.client.InitTransactions(t)
	a.returned(t)
	a.gaveUp = a.failed
	for a.committed+a.lost < a.plan.Transactions && !a.gaveUp {
		a.transaction(t)
		a.next(t)
	}
	if a.gaveUp {
		t.Call(&model.GaveUp{})
		a.lastResort(t)
	}
	a.client.Close(t)
}

// lastResort tries what is left to try.
func (a *Transactional) lastResort(t *sim.Task) {
	a.abort(t)
	a.begin(t)
	if !a.failed {
		a.send(t)
	}
}

// next goes on to the next transaction, unless this one is to be tried again.
func (a *Transactional) next(t *sim.Task) {
	a.txn++
	if a.tries++; a.failed && a.tries < a.plan.Tries {
		return
	}
	switch {
	case a.gaveUp:
	case a.failed:
		a.lost++
		t.Call(&model.TxnLost{Error: a.cause})
	default:
		a.committed++
	}
	a.tries, a.cause = 0, model.None
}

func (a *Transactional) transaction(t *sim.Task) {
	if a.plan.Pause > 0 && a.txn > 0 {
		a.wait.Sleep(t.At(PointBackoff), a.plan.Pause)
	}
	a.begin(t)
	for a.plan.BeginRetry > 0 && a.refusal() == model.ErrConcurrentTransactions {
		a.wait.Sleep(t.At(PointBackoff), a.plan.BeginRetry)
		a.begin(t)
	}
	if a.failed {
		a.gaveUp = true
		return
	}
	if a.plan.Inside.After > 0 && a.txn == 1 {
		a.endInside(t)
		return
	}
	for a.sent = 0; a.sent < a.plan.Records && !a.failed; a.sent++ {
		a.send(t)
	}
	a.sent = 0
	if a.plan.Work > 0 && !a.failed {
		a.wait.Sleep(t.At(PointWork), a.plan.Work)
	}
	if !a.failed {
		a.commit(t)
	}
	if a.failed {
		a.cause = a.refusal()
		a.abortUntilDone(t)
		a.failed = true
	}
}

// endInside hands a record over, and ends the transaction without a wait for it.
func (a *Transactional) endInside(t *sim.Task) {
	a.client.API().Record = model.Record(10 * a.txn)
	a.called(t, model.Send)
	a.call = model.AbortTxn
	if a.plan.Inside.Commit {
		a.call = model.CommitTxn
	}
	a.ender.EndInside(t)
	a.returned(t)
	for a.plan.Repeat && a.plan.Inside.Commit && a.refusal() == model.ErrRequestTimedOut {
		a.commit(t)
	}
	if !a.failed {
		return
	}
	a.cause = a.refusal()
	a.gaveUp = a.client.API().Status == model.TxnFatalError
	a.abortUntilDone(t)
	a.failed = a.failed || a.plan.Inside.Commit
}

func (a *Transactional) refusal() model.Error { return a.client.API().Failure.Kafka() }

func (a *Transactional) begin(t *sim.Task) {
	t.Step(PointBegin)
	a.called(t, model.BeginTxn)
	a.client.BeginTxn(t)
	a.returned(t)
}

func (a *Transactional) send(t *sim.Task) {
	api := a.client.API()
	api.Record, api.Partition = model.Record(10*a.txn+a.sent), model.Partition(a.sent%a.plan.Partitions)
	a.called(t, model.Send)
	a.client.Send(t)
	a.returned(t)
}

func (a *Transactional) commit(t *sim.Task) {
	a.called(t, model.CommitTxn)
	a.client.CommitTxn(t)
	a.returned(t)
}

func (a *Transactional) abortUntilDone(t *sim.Task) {
	for a.failed && !a.gaveUp {
		a.abort(t)
		api := a.client.API()
		a.gaveUp = api.Status == model.TxnFatalError || api.Failure == producer.ErrNotAllowed
	}
}

func (a *Transactional) abort(t *sim.Task) {
	t.Step(PointAbort)
	a.called(t, model.AbortTxn)
	a.client.AbortTxn(t)
	a.returned(t)
}

func (a *Transactional) called(t *sim.Task, call model.TxnCall) {
	a.call = call
	called := &model.TxnCalled{Call: call}
	if call == model.Send {
		called.Record = a.client.API().Record
	}
	t.Call(called)
}

// returned notes what came of a call, and forgets what nobody needs any more.
func (a *Transactional) returned(t *sim.Task) {
	api := a.client.API()
	result := &model.TxnReturned{Call: a.call, Error: api.Failure.Kafka(), NotAllowed: api.Failure == producer.ErrNotAllowed, Status: api.Status}
	if result.Error == model.ErrConcurrentTransactions {
		result.Budget = a.plan.Budget
	}
	a.failed = !result.OK()
	a.call, api.Record, api.Partition = 0, 0, 0
	t.Return(result)
}

// Describe shows how far the application is, and what its client is in.
func (a *Transactional) Describe(show func(name, value string)) {
	show("status", a.client.API().Status.String())
}
