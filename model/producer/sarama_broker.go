package producer

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// SaramaBrokerConfig is what is set before the connection is opened.
type SaramaBrokerConfig struct {
	Throttling SaramaThrottling
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

// SaramaBroker is the client's end of the connection to a broker: what is
// written under broker.lock, and read by one goroutine, in order.
//
// Lock order: broker.lock before the lock of the throttle.
//
// Source: Broker in sarama 1.43.0, broker.go.
// Differs: it is opened before the first step, and once it is closed it stays
// so: there is no retry above it. The connection holds, so nobody comes to an
// error but ErrNotConnected. All requests are Produce, with acks.
type SaramaBroker struct {
	config SaramaBrokerConfig `sim:"config"`
	conn   *sim.Conn

	lock      sim.Mutex
	connected sim.Var[bool] // b.conn != nil
	responses sim.Chan[produceSet]
	inFlight  sim.Chan[bool] // unless config.OneMore
	done      sim.Chan[bool]

	throttle *saramaThrottle
}

// produceSet is the messages of a request, which follow one another.
//
// Source: produceSet, responsePromise.
type produceSet int64

func setOf(first model.Record, count int32) produceSet {
	return produceSet(int64(first)<<32 | int64(count))
}

func (s produceSet) first() model.Record { return model.Record(s >> 32) }
func (s produceSet) count() int32        { return int32(s) }

// request is what goes on the wire.
func (s produceSet) request() *model.ProduceRequest {
	batch := model.RecordBatch{ProducerID: model.NoProducerID, BaseSequence: model.NoSequence}
	for i := range s.count() {
		batch.Records = append(batch.Records, s.first()+model.Record(i))
	}
	return &model.ProduceRequest{TransactionalID: model.NoTransactionalID, Partitions: []model.PartitionBatch{{Batch: batch}}}
}

// tell reports how the messages fared to the application.
func (s produceSet) tell(t *sim.Task, notConnected bool) {
	for i := range s.count() {
		t.Returned(&model.Produced{Record: s.first() + model.Record(i), NotConnected: notConnected})
	}
}

// NewSaramaBroker returns a connection that is open.
func NewSaramaBroker(conn *sim.Conn, config SaramaBrokerConfig) *SaramaBroker {
	b := &SaramaBroker{config: config, conn: conn, throttle: newSaramaThrottle(config)}
	b.connected.Init(true)
	b.responses.Init(config.MaxOpenRequests - 1)
	if !config.OneMore {
		b.inFlight.Init(config.MaxOpenRequests)
	}
	b.done.Init(0)
	return b
}

// saramaGoroutine is a goroutine that calls a Broker. Its fields are the local
// variables of the functions that it calls.
type saramaGoroutine struct {
	*SaramaBroker
	throttled saramaFrame
	set       produceSet
	err       bool // ErrNotConnected
}

// asyncProduce is AsyncProduce, with sendInternal below it.
func (b *saramaGoroutine) asyncProduce(t *sim.Task) {
	b.lock.Lock(t, PointAsyncProduce)
	b.err = !b.connected.Get(t)
	if b.err {
		b.lock.Unlock(t)
		return
	}
	b.throttled.waitIfThrottled(t)
	b.err = b.throttled.cancelled
	if b.err {
		b.throttled.cancelled = false
		b.lock.Unlock(t)
		return
	}
	if b.config.OneMore {
		t.Yield(PointWrite)
	} else {
		b.inFlight.Send(t, PointSlot, true)
	}
	b.conn.Send(t, b.set.request())
	b.responses.Send(t, PointPromise, b.set) // The stall: nobody makes room while the response reader is blocked.
	b.set = 0
	b.lock.Unlock(t)
}

// closeBroker is Close.
func (b *saramaGoroutine) closeBroker(t *sim.Task) {
	t.Called(&model.CloseConnection{})
	b.throttled.cancel(t)
	b.lock.Lock(t, PointClose)
	if b.connected.Get(t) {
		b.responses.Close(t)
		b.done.Receive(t, PointAwaitDone)
		b.connected.Set(t, false)
	}
	b.lock.Unlock(t)
	t.Returned(&model.CloseConnection{})
}

// SaramaResponseReceiver reads the responses and runs the callbacks.
//
// Source: Broker.responseReceiver.
type SaramaResponseReceiver struct {
	*SaramaBroker
	throttled saramaFrame
	set       produceSet
	forward   *SaramaAsyncProducer // whose callbacks these are; nil: the application's own
}

// NewSaramaResponseReceiver returns the response reader of a connection.
func NewSaramaResponseReceiver(b *SaramaBroker) *SaramaResponseReceiver {
	return &SaramaResponseReceiver{SaramaBroker: b, throttled: newSaramaFrame(b)}
}

// Run is responseReceiver.
func (r *SaramaResponseReceiver) Run(t *sim.Task) {
	for {
		set, ok := r.responses.Receive(t, PointNextPromise)
		if r.set = set; !ok {
			break
		}
		response := r.conn.Read(t, PointReadResponse)
		r.throttled.throttleTime = response.(*model.ProduceResponse).ThrottleTime
		if !r.config.OneMore {
			r.inFlight.Receive(t, PointFreeSlot)
		}
		r.handle(t)
	}
	r.done.Close(t)
}

// handle is the handler of a promise, as AsyncProduce makes it.
func (r *SaramaResponseReceiver) handle(t *sim.Task) {
	if r.throttled.throttleTime > 0 {
		r.throttled.setThrottle(t)
	}
	r.throttled.throttleTime = 0
	if r.forward != nil {
		r.forward.pending.Send(t, PointCallback, r.set)
		r.forward.sent.Done(t)
	} else {
		t.Yield(PointCallback)
		r.set.tell(t, false)
	}
	r.set = 0
}

// SaramaSender is an application that uses the connection by itself: it sends
// messages, each in a request of its own.
type SaramaSender struct {
	saramaGoroutine
	messages int32         `sim:"config"`
	early    int32         `sim:"config"` // how many it sends before it pauses
	pause    time.Duration `sim:"config"`
	closes   bool          `sim:"config"`
	clock    sim.Timer
	i        int32
}

// NewSaramaSender returns a sender of some messages, which pauses after the
// first few of them, and in the end closes the connection, if it is the one who
// does.
func NewSaramaSender(b *SaramaBroker, messages, early int, pause time.Duration, closes bool) *SaramaSender {
	s := &SaramaSender{messages: int32(messages), early: int32(early), pause: pause, closes: closes}
	s.saramaGoroutine = newSaramaGoroutine(b)
	return s
}

func newSaramaGoroutine(b *SaramaBroker) saramaGoroutine {
	return saramaGoroutine{SaramaBroker: b, throttled: newSaramaFrame(b)}
}

// Run sends.
func (s *SaramaSender) Run(t *sim.Task) {
	for s.i = 0; s.i < s.messages; s.i++ {
		if s.i == s.early && s.pause > 0 {
			s.clock.Sleep(t, s.pause, PointPause)
		}
		s.set = setOf(model.Record(s.i+1), 1)
		s.asyncProduce(t)
		if s.err {
			s.set.tell(t, true)
		}
		s.set = 0
	}
	s.i = 0
	if s.closes {
		s.closeBroker(t)
	}
}

// SaramaCloser closes the connection beside those who send.
//
// Source: brokerProducer.handleError, which closes the broker while the bridge
// goroutine may be sending.
type SaramaCloser struct {
	saramaGoroutine
	after time.Duration `sim:"config"`
	clock sim.Timer
}

// NewSaramaCloser returns a goroutine that closes the connection after a while,
// or at any moment.
func NewSaramaCloser(b *SaramaBroker, after time.Duration) *SaramaCloser {
	return &SaramaCloser{saramaGoroutine: newSaramaGoroutine(b), after: after}
}

// Run closes.
func (c *SaramaCloser) Run(t *sim.Task) {
	if c.after > 0 {
		t.Yield(PointPause)
		c.clock.Sleep(t, c.after, PointCallClose)
	} else {
		t.Yield(PointCallClose)
	}
	c.closeBroker(t)
}

// Describe shows whether there is a throttle.
func (b *SaramaBroker) Describe(show func(name, value string)) {
	show("throttle", b.throttle.describe())
	connection := "open"
	if !b.connected.Peek() {
		connection = "closed"
	}
	show("connection", connection)
}

// Describe shows nothing besides what is shared.
func (b *saramaGoroutine) Describe(func(name, value string)) {}

// Describe shows nothing besides what is shared.
func (r *SaramaResponseReceiver) Describe(func(name, value string)) {}
