package producer

import (
	"racelab/model"
	"racelab/sim"
)

// Points of a client whose goroutines are an application and one that sends.
const (
	PointProduce  = "produce"       // the application has a record
	PointAppend   = "append"        // it hands it over
	PointClose    = "close"         // it waits until each record has its outcome
	PointPoll     = "poll"          // the sender waits for a record or an answer
	PointWrite    = "write"         // it has written a request
	PointPromise  = "next promise"  // the reader waits for a request to be out
	PointResponse = "read response" // and for its answer
	PointLost     = "lost"          // the connection is broken: no request in flight has an answer
)

// Input is what an application and the goroutine that sends share.
type Input struct {
	Records sim.Chan[model.Record] // appended; it has room for all
	Left    sim.WaitGroup          // records without an outcome
}

// Init makes room for the records of a run.
func (in *Input) Init(records int) {
	in.Records.Init(records)
	in.Left.Init(records)
}

// Outcome tells the application of a record.
func (in *Input) Outcome(t *sim.Task, r model.Record, failed model.Error) {
	promised := &model.Promised{Record: r}
	if failed != model.None {
		promised.Failed = failed.String()
	}
	t.Return(promised)
	in.Left.Done(t)
}

// Application hands records over, one after the other, and closes the client when
// each has its outcome.
type Application struct {
	in      *Input
	records int
	next    model.Record
}

// NewApplication returns it, with the number of its records.
func NewApplication(in *Input, records int) *Application {
	return &Application{in: in, records: records}
}

func (a *Application) Run(t *sim.Task) {
	for a.next = 1; int(a.next) <= a.records; a.next++ {
		t.Step(PointProduce)
		t.Call(&model.Submitted{Record: a.next})
		a.in.Records.Send(t.At(PointAppend), a.next)
	}
	a.in.Left.Wait(t.At(PointClose))
	a.in.Records.Close(t)
}

// Pipe is a connection to a leader on which several requests wait for their answers.
type Pipe struct {
	conn    *sim.Conn
	sent    sim.Chan[bool] // one for each request that is out
	Answers sim.Chan[model.Error]
}

// NewPipe returns it. Room is how many requests may be out.
func NewPipe(conn *sim.Conn, room int) *Pipe {
	p := &Pipe{conn: conn}
	p.sent.Init(room)
	p.Answers.Init(room)
	return p
}

// Send writes a batch.
func (p *Pipe) Send(t *sim.Task, batch model.RecordBatch) {
	p.conn.Send(t, &model.ProduceRequest{TransactionalID: model.NoTransactionalID, Partitions: []model.PartitionBatch{{Batch: batch}}})
	p.sent.Send(t.At(PointWrite), true)
}

// Redial makes a new connection, once all that was in flight is answered or lost.
func (p *Pipe) Redial(t *sim.Task) { p.conn.Redial(t) }

// Close ends the reader.
func (p *Pipe) Close(t *sim.Task) { p.sent.Close(t) }

// Reader is what reads the answers: in a released client the poll of the thread that
// sends. What was asked on a connection that is lost is answered NETWORK_EXCEPTION.
type Reader struct{ *Pipe }

// NewReader returns it.
func (p *Pipe) NewReader() *Reader { return &Reader{p} }

func (r *Reader) Run(t *sim.Task) {
	for {
		if _, ok := r.sent.Receive(t.At(PointPromise)); !ok {
			return
		}
		answer, ok := r.conn.ReceiveAny(t.At(PointResponse)).(*model.ProduceResponse)
		if !ok {
			r.Answers.Send(t, model.ErrNetworkException) // There is room.
			continue
		}
		r.Answers.Send(t, answer.Partitions[0].Error) // There is room.
	}
}
