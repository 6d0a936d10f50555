package kafkago

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// HeartbeatInterval is how often a member asks whether its generation still stands.
//
// Source: defaultHeartbeatInterval.
const HeartbeatInterval = 3 * time.Second

// Reader is what the goroutines of a Reader in a group share, its ConsumerGroup
// included.
//
// Source: Reader and ConsumerGroup in kafka-go 0.4.51, reader.go and consumergroup.go.
// Differs: no fetches, offsets or commits: the functions of a generation other than its
// heartbeat end at once. The member has its id from the start, and one connection.
// Requests have no deadline: the coordinator answers each within it, and with no error
// but REBALANCE_IN_PROGRESS.
type Reader struct {
	id    model.MemberID `sim:"config"`
	conn  *sim.Conn
	stctx sim.Context
	done  sim.Chan[bool] // r.done: Reader.run has ended

	next     sim.Chan[bool]        // cg.next: a generation
	errs     sim.Chan[model.Error] // cg.errs
	closed   sim.Chan[bool]        // cg.done: the group is closed
	finished sim.Chan[bool]        // cg.wg: ConsumerGroup.run has ended
}

// NewReader returns a Reader with its connection to the coordinator.
func NewReader(id model.MemberID, coordinator *sim.Conn) *Reader {
	r := &Reader{id: id, conn: coordinator}
	r.stctx.Init()
	for _, c := range []*sim.Chan[bool]{&r.done, &r.next, &r.closed, &r.finished} {
		c.Init(0)
	}
	r.errs.Init(0)
	return r
}

// Run is the goroutine that waits for generations, and for errors.
//
// Source: Reader.run.
// Differs: an error is logged, however often.
type Run struct{ *Reader }

// NewRun returns it.
func (r *Reader) NewRun() *Run { return &Run{r} }

func (r *Run) Run(t *sim.Task) {
	for {
		chosen := t.At(PointNext).Select(r.stctx.Done(), r.errs.Receiving(), r.next.Receiving())
		if chosen != &r.errs && chosen != &r.next {
			break
		}
	}
	r.closed.Close(t) // ConsumerGroup.Close
	r.finished.Receive(t.At(PointAwaitGroup))
	r.done.Close(t)
}

// Closer is the goroutine of the application that closes the Reader.
//
// Source: Reader.Close.
type Closer struct {
	*Reader
	after time.Duration `sim:"config"`
	clock sim.Timer
}

// NewCloser returns it. It closes after a while; 0: at any moment.
func (r *Reader) NewCloser(after time.Duration) *Closer { return &Closer{Reader: r, after: after} }

func (r *Closer) Run(t *sim.Task) {
	if r.after > 0 {
		t.Step(PointStart)
		r.clock.Sleep(t.At(PointClose), r.after)
	} else {
		t.Step(PointClose)
	}
	t.Call(&model.Closed{})
	r.stctx.Cancel(t)
	r.done.Receive(t.At(PointAwaitRun))
	t.Return(&model.Closed{})
}

// Describe shows nothing: all that is shared are channels.
func (r *Reader) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (r *Run) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (r *Closer) Describe(func(name, value string)) {}
