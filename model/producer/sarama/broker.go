package sarama

import (
	"racelab/model"
	"racelab/model/config"
	"racelab/sim"
)

// BrokerConfig is what is set before the connection is opened.
type BrokerConfig struct {
	Release  Release
	Proposal Proposal // on top of the release
	// MaxOpenRequests is how many requests may be in flight.
	//
	// Default: 5.
	// Source: Config.Net.MaxOpenRequests.
	MaxOpenRequests int
	// OneMore lets one more be in flight: a request is written before its promise
	// waits for room.
	//
	// Source: sarama 1.38.1 to 1.61.0; since 1.61.1 a slot is taken first.
	OneMore bool
	// Throttles is how many throttles there may be in a run.
	Throttles int
}

// Broker is the client's end of the connection to a broker: what is
// written under broker.lock, and read by one goroutine, in order.
//
// Lock order: broker.lock before the lock of the throttle.
//
// Source: Broker in sarama 1.43.0, broker.go.
// Differs: it is opened before the first step, and once it is closed it stays
// so: there is no retry above it. The connection holds until the client closes
// it. All requests are Produce, with acks.
type Broker struct {
	config BrokerConfig `sim:"config"`
	conn   *sim.Conn

	lock      sim.Mutex
	connected sim.Var[bool] // b.conn != nil
	responses sim.Chan[produceSet]
	inFlight  sim.Chan[bool] // unless config.OneMore
	done      sim.Chan[bool]

	throttle *throttle
}

// NewBroker returns a connection that is open. It refuses what Config.Validate
// does.
func NewBroker(conn *sim.Conn, c BrokerConfig) *Broker {
	checked := config.NewSarama()
	checked.MaxOpenRequests = c.MaxOpenRequests
	config.Must("Sarama", checked)
	b := &Broker{config: c, conn: conn, throttle: newThrottle(c)}
	b.connected.Init(true)
	b.responses.Init(c.MaxOpenRequests - 1)
	if !c.OneMore {
		b.inFlight.Init(c.MaxOpenRequests)
	}
	b.done.Init(0)
	return b
}

// goroutine is a goroutine that calls a Broker. Its fields are the local
// variables of the functions that it calls.
type goroutine struct {
	*Broker
	throttled frame
	set       produceSet
	err       bool // ErrNotConnected
}

func newGoroutine(b *Broker) goroutine {
	return goroutine{Broker: b, throttled: newFrame(b)}
}

func (b *goroutine) asyncProduce(t *sim.Task) {
	b.lock.Lock(t.At(PointAsyncProduce))
	b.sendWithPromise(t)
	b.lock.Unlock(t)
}

func (b *goroutine) sendWithPromise(t *sim.Task) {
	b.err = !b.connected.Get(t)
	if b.err {
		return
	}
	b.sendInternal(t)
}

// sendInternal waits for the end of a throttle, and writes the request.
func (b *goroutine) sendInternal(t *sim.Task) {
	b.throttled.waitIfThrottled(t)
	b.err = b.throttled.takeCancelled()
	if b.err {
		return
	}
	if b.config.OneMore {
		t.Step(PointWrite)
	} else {
		b.inFlight.Send(t.At(PointSlot), true)
	}
	b.conn.Send(t, b.set.request())
	b.responses.Send(t.At(PointPromise), b.set) // The stall: nobody makes room while the response reader is blocked.
	b.set = 0
}

// closeBroker is Close.
func (b *goroutine) closeBroker(t *sim.Task) {
	t.Call(&model.CloseConnection{})
	b.throttled.cancelThrottle(t)
	b.lock.Lock(t.At(PointClose))
	if b.connected.Get(t) {
		b.responses.Close(t)
		if b.config.Release >= Release1_48_0 {
			b.conn.Close(t) // So that a read that is under way ends.
		}
		b.awaitReader(t)
	}
	b.lock.Unlock(t)
	t.Return(&model.CloseConnection{})
}

// awaitReader waits until the callbacks have run, with the lock held: a callback that
// needs it never returns.
func (b *goroutine) awaitReader(t *sim.Task) {
	if b.config.Proposal == AwaitUnlocked {
		b.connected.Set(t, false)
		b.lock.Unlock(t)
		b.done.Receive(t.At(PointAwaitDone))
		b.lock.Lock(t.At(PointLockAgain))
		return
	}
	b.done.Receive(t.At(PointAwaitDone))
	b.connected.Set(t, false)
}

// ResponseReceiver reads the responses and runs the callbacks.
//
// Source: Broker.responseReceiver.
type ResponseReceiver struct {
	*Broker
	throttled frame
	set       produceSet
	dead      bool           // the read failed
	forward   *AsyncProducer // whose callbacks these are; nil: the application's own
	calls     *calls         // what its callback does with the connection; nil: nothing
}

// NewResponseReceiver returns the response reader of a connection.
func NewResponseReceiver(b *Broker) *ResponseReceiver {
	return &ResponseReceiver{Broker: b, throttled: newFrame(b)}
}

// Run is responseReceiver.
func (r *ResponseReceiver) Run(t *sim.Task) {
	for {
		set, ok := r.responses.Receive(t.At(PointNextPromise))
		if r.set = set; !ok {
			break
		}
		response, ok := r.conn.ReceiveAny(t.At(PointReadResponse)).(*model.ProduceResponse)
		if r.dead = !ok; ok {
			r.throttled.throttleTime = response.ThrottleTime
		}
		if !r.config.OneMore {
			r.inFlight.Receive(t.At(PointFreeSlot))
		}
		r.handle(t)
	}
	if r.calls != nil && r.calls.handed != nil {
		r.calls.handed.Close(t)
	}
	r.done.Close(t)
}

// handle is the handler of a promise, as AsyncProduce makes it.
func (r *ResponseReceiver) handle(t *sim.Task) {
	if !r.dead {
		r.throttled.handleThrottledResponse(t)
	}
	if r.forward != nil {
		r.forward.pending.Send(t.At(PointCallback), r.set)
		r.forward.sent.Done(t)
	} else {
		t.Step(PointCallback)
		r.set.tell(t, r.dead)
		if r.calls != nil {
			r.calls.callback(t)
		}
	}
	r.set = 0
}

// Describe shows whether there is a throttle.
func (b *Broker) Describe(show func(name, value string)) {
	show("throttle", b.throttle.describe())
	connection := "open"
	if !b.connected.Peek() {
		connection = "closed"
	}
	show("connection", connection)
}

// Describe shows nothing besides what is shared.
func (b *goroutine) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (r *ResponseReceiver) Describe(func(name, value string)) {}
