package kgo

import (
	"fmt"

	"racelab/model"
	"racelab/sim"
)

// Remedy is what an application does about a failure.
type Remedy uint8

const (
	// HandOverAgain hands each record over again, in the order in which the
	// promises tell of them.
	HandOverAgain Remedy = iota
	// RecoverQuiescent keeps to the proposal's six steps: it stops producing and
	// waits until nothing is being produced, until every promise was called and
	// nothing is in flight; then it recovers the partition, hands over again, and
	// resumes.
	//
	// Source: the documentation of RecoverFailedProducePartitions, as proposed.
	// Differs: the client has nothing by which to wait for what is in flight, and is
	// never asked: Flush waits for the promises.
	RecoverQuiescent
	// RecoverAtOnce recovers the partition as soon as it hears of a failure.
	RecoverAtOnce
	// ClearWhenCalled clears the partition when the hook has called, and nobody
	// produces, and hands over again what was in it.
	ClearWhenCalled
	// ResumeAfter hands over again what has failed, and then resumes the partition
	// or the key.
	ResumeAfter
	// AbortTransaction aborts the transaction, of which all records are, and hands
	// all of them over again.
	AbortTransaction
	// DeadLetter is RecoverQuiescent, but that the first of the records goes to
	// another topic.
	DeadLetter
)

// AppConfig is what an application is made with.
type AppConfig struct {
	Remedy  Remedy
	Records int // of all who submit
	// Marked are the records that are handed over with Mark, the first time.
	Marked []model.Record
	Mark   Mark
	Misuse Misuse
	// Flush says that whoever submits flushes in the end.
	Flush bool
	// React makes what the application does about a failure, in place of Remedy. nil:
	// it has nothing of its own.
	React func(Steps) sim.Program
}

// Mark is what is the matter with a record.
type Mark uint8

const (
	Unmarked     Mark = iota
	WithContext       // its context may be cancelled
	WithDeadline      // it may time out
	TooLarge          // it does not fit into a batch
)

// App is what the goroutines of an application share. Its promises send what
// has failed into a channel.
type App struct {
	config AppConfig `sim:"config"`
	cl     *Producer

	gate      sim.Mutex              // held by whoever produces, if the remedy has to stop them
	failed    sim.List[model.Record] // in the order in which promises told of them
	hear      goStatement            // of a failure, or of the end
	acked     sim.Atomic[int32]      // records that are delivered
	begun     sim.WaitGroup          // counts 1 until there is a transaction
	submitted sim.List[model.Record] // of a transaction, in their order; under gate
}

// NewApp returns an application that uses the client.
func NewApp(cl *Producer, config AppConfig) *App {
	a := &App{config: config, cl: cl}
	a.failed.Locked = true
	a.hear.idle.Init(1)
	if config.Remedy == AbortTransaction {
		a.begun.Init(1)
	}
	cl.app = a
	return a
}

// AddTo shares the client and its application with a world, and adds the goroutines that
// each client has. Those that submit are p1, p2 and so on.
func (a *App) AddTo(w *sim.World, submitters ...*Submitter) {
	w.Share("cl", a.cl)
	w.Share("promises", a)
	for i, s := range submitters {
		w.GoProgram(fmt.Sprint("p", i+1), s)
	}
	w.GoProgram("app", a.NewApplication())
	for place := range a.cl.sinks {
		number := ""
		if place > 0 {
			number = fmt.Sprint(place + 1)
		}
		w.GoProgram("sink"+number, a.cl.NewSink(place))
		w.GoProgram("responses"+number, a.cl.NewResponses(place))
	}
	w.GoProgram("promises", a.cl.NewPromises())
}

// promise is the promise of every record.
func (a *App) promise(t *sim.Task, pr promisedRec) {
	if pr.err() == 0 {
		a.acked.Add(t, 1)
	} else {
		a.failed.Append(t, pr.record())
	}
	if pr.err() != 0 || int(a.acked.Load(t)) == a.config.Records {
		a.hear.start(t)
	}
}

// take takes the first record out of failed, if there is one.
func (a *App) take(t *sim.Task) (r model.Record) {
	if a.failed.Len(t) > 0 {
		r = a.failed.Get(t)[0]
		a.failed.Drop(t, 1)
	}
	return r
}

// delivered says whether all records are.
func (a *App) delivered(t *sim.Task) bool {
	return int(a.acked.Load(t)) == a.config.Records
}

// gated says whether who produces holds the application's lock.
func (a *App) gated() bool {
	if a.config.React != nil {
		return true
	}
	switch a.config.Remedy {
	case RecoverQuiescent, ClearWhenCalled, AbortTransaction, DeadLetter:
		return true
	}
	return false
}

// Submitter is a goroutine that submits records, one after the other, and then
// flushes.
type Submitter struct {
	goroutine
	from, to, step model.Record `sim:"config"`
	next           model.Record
}

// NewSubmitter returns a goroutine that submits each step-th record from the one
// up to the other, which is left to others.
func (a *App) NewSubmitter(from, to, step model.Record) *Submitter {
	return &Submitter{goroutine: goroutine{Producer: a.cl}, from: from, to: to, step: step}
}

// Run submits.
func (s *Submitter) Run(t *sim.Task) {
	if s.config.Transactional {
		s.app.begun.Wait(t.At(PointAwaitBegin))
	}
	for s.next = s.from; s.next < s.to; s.next += s.step {
		if s.config.Paced {
			t.Step(PointSubmit)
		}
		s.submit(t)
	}
	s.next = 0
	if s.app.config.Flush {
		s.flush(t)
	}
}

func (s *Submitter) submit(t *sim.Task) {
	s.pr = s.app.marked(s.next)
	if s.app.gated() {
		s.app.gate.Lock(t.At(PointGate))
	}
	if s.config.Transactional {
		s.app.submitted.Append(t, s.next)
	}
	s.produce(t)
	if s.app.gated() {
		s.app.gate.Unlock(t)
	}
}

// marked is the record as it is handed over first.
func (a *App) marked(r model.Record) promisedRec {
	pr := promisedRec(r)
	for _, m := range a.config.Marked {
		if m == r && a.config.Mark != Unmarked {
			pr |= withContext << (a.config.Mark - WithContext)
		}
	}
	return pr
}

// flush awaits the outcome of all that is buffered.
func (g *goroutine) flush(t *sim.Task) {
	t.Call(&model.Flush{})
	g.flushing.Add(t, 1)
	if g.config.Linger > 0 {
		g.unlingerAll(t)
	}
	for g.i = 0; int(g.i) < len(g.bufferedRecords); g.i++ {
		g.bufferedRecords[g.i].Wait(t.At(PointFlush))
	}
	g.i = 0
	g.flushing.Add(t, -1)
	t.Return(&model.Flush{})
}

// unlingerAll sends what lingers in any partition.
func (g *goroutine) unlingerAll(t *sim.Task) {
	for g.partition = 0; int(g.partition) < len(g.recBufs); g.partition++ {
		g.unlingerAndManuallyDrain(t)
	}
	g.partition = 0
}

// Application is the goroutine that hears of failures, and sees to it that
// their records are written after all.
type Application struct {
	goroutine
	record model.Record
	done   bool
	left   int32
	epoch  int32 // of a transaction
	result model.TransactionResult
	rounds []round     // by scope
	own    sim.Program // in place of the remedy, or nil
}

// round is what is to be handed over again in a pause.
type round struct {
	left  int32 // records
	pause int32 // its number; 0: none, they failed by themselves
}

// NewApplication returns the goroutine that hears of failures.
func (a *App) NewApplication() *Application {
	application := &Application{
		goroutine: goroutine{Producer: a.cl},
		rounds:    make([]round, a.cl.scopes()),
	}
	if a.config.React != nil {
		application.own = a.config.React(Steps{application})
	}
	return application
}

// Run hears of failures until all is delivered, and closes the client.
func (a *Application) Run(t *sim.Task) {
	if a.config.Transactional {
		a.beginTransaction(t)
	}
	for !a.done {
		a.app.hear.begins(t, PointAwaitFailure)
		for a.record = a.app.take(t); a.record != 0; a.record = a.app.take(t) {
			a.react(t)
		}
		a.done = a.app.delivered(t)
	}
	if a.config.Transactional {
		a.result = model.Commit
		a.endTransaction(t)
	}
	a.close(t)
}

// react does about a failure what the remedy asks for.
func (a *Application) react(t *sim.Task) {
	if a.own != nil {
		a.own.Run(t)
		if a.record != 0 {
			panic("what has failed is lost: again() was not called")
		}
		return
	}
	switch a.app.config.Remedy {
	case RecoverAtOnce:
		a.recover(t)
		a.handOverAgain(t)
	case RecoverQuiescent, DeadLetter:
		a.recoverQuiescent(t)
	case ClearWhenCalled:
		if a.record == hookCalled {
			a.clearQuiescent(t)
		} else {
			a.handOverAgain(t)
		}
	case ResumeAfter:
		a.resumeAfter(t)
	case AbortTransaction:
		a.abortTransaction(t)
	default:
		a.handOverAgain(t)
	}
}

// handOverAgain produces the record that has failed.
func (a *Application) handOverAgain(t *sim.Task) {
	a.pr, a.again = promisedRec(a.record), true
	a.record = 0
	a.produce(t)
}

// close is Flush and Close: the client's goroutines end.
func (a *Application) close(t *sim.Task) {
	a.flush(t)
	t.Call(&model.CloseClient{})
	a.closed.Store(t, true)
	for _, g := range a.goroutines() {
		g.start(t)
	}
	if a.config.Linger > 0 {
		for _, b := range a.recBufs {
			b.lingering.Start(t, 0)
		}
	}
}

// Describe shows what the promises have told of.
func (a *App) Describe(show func(name, value string)) {
	show("failed", fmt.Sprint(a.failed.Peek()))
	show("delivered", fmt.Sprint(a.acked.Peek()))
}
