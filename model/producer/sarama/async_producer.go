package sarama

import (
	"time"

	"racelab/model"
	"racelab/model/config"
	"racelab/sim"
)

// AsyncProducerConfig is what is set before the producer starts.
type AsyncProducerConfig struct {
	// Input is how many messages the application may be ahead, before it has to
	// wait: back-pressure. Without a bound, make it as many as there are.
	//
	// Default: 256, in each of a few channels.
	// Source: Config.ChannelBufferSize.
	Input int
	// FlushFrequency is how long messages gather before they are sent; 0: not at
	// all.
	//
	// Source: Config.Producer.Flush.Frequency.
	FlushFrequency time.Duration
	// MaxMessages is how many a request may have.
	//
	// Source: Config.Producer.Flush.MaxMessages.
	MaxMessages int32
	Messages    int // of the run
}

// AsyncProducer is what the goroutines of a producer share.
//
// Source: asyncProducer, brokerProducer in sarama 1.43.0, async_producer.go.
// Differs: dispatcher, topicProducer and partitionProducer only hand on and are
// left out, so Input is the input of the one brokerProducer. Nothing is retried,
// because nothing fails. The two channels that carry responses, with a queue
// between them so that no callback ever waits, are one with room for all.
type AsyncProducer struct {
	config AsyncProducerConfig `sim:"config"`
	broker *Broker

	input   sim.Chan[model.Record]
	output  sim.Chan[produceSet]
	pending sim.Chan[produceSet]
	sent    sim.WaitGroup // requests in flight
	ended   sim.Chan[bool]
}

// NewAsyncProducer returns a producer that uses the connection. It refuses what
// Config.Validate does.
func NewAsyncProducer(b *Broker, c AsyncProducerConfig) *AsyncProducer {
	checked := config.NewSarama()
	checked.ChannelBufferSize, checked.FlushFrequency, checked.FlushMaxMessages = c.Input, c.FlushFrequency, int(c.MaxMessages)
	config.Must("Sarama", checked)
	p := &AsyncProducer{config: c, broker: b}
	p.input.Init(c.Input)
	p.output.Init(0)
	p.pending.Init(c.Messages)
	p.ended.Init(0)
	return p
}

// NewResponseReceiver returns the response reader of the connection, which runs
// the callbacks of the producer.
func (p *AsyncProducer) NewResponseReceiver() *ResponseReceiver {
	r := NewResponseReceiver(p.broker)
	r.forward = p
	return r
}

// BrokerProducer gathers messages into requests.
//
// Source: brokerProducer.
type BrokerProducer struct {
	*AsyncProducer
	buffer     produceSet // 0: it is empty
	timer      sim.Timer
	timing     bool // timer != nil
	timerFired bool
	msg        model.Record // that waits for space
}

// NewBrokerProducer returns the goroutine that gathers.
func (p *AsyncProducer) NewBrokerProducer() *BrokerProducer {
	return &BrokerProducer{AsyncProducer: p}
}

// Run is brokerProducer.run.
func (bp *BrokerProducer) Run(t *sim.Task) {
	for {
		chosen := t.At(PointDispatch).Select(bp.input.Receiving(), bp.ticking(), bp.flushing(), bp.pending.Receiving())
		switch chosen {
		case &bp.input:
			msg, ok := bp.input.Received(t)
			if bp.msg = msg; !ok {
				bp.shutdown(t)
				return
			}
			bp.take(t)
		case &bp.timer:
			bp.timerFired = true
		case &bp.output:
			bp.rollOver(t)
		case &bp.pending:
			bp.handleResponse(t)
		}
	}
}

// ticking is the case of the flush timer.
func (bp *BrokerProducer) ticking() sim.SelectCase {
	if !bp.timing || bp.timerFired {
		return sim.SelectCase{}
	}
	return bp.timer.Receiving()
}

// flushing is the case of the output, if what is in the buffer is to be sent.
//
// Source: produceSet.readyToFlush.
func (bp *BrokerProducer) flushing() sim.SelectCase {
	if bp.buffer == 0 || bp.config.FlushFrequency > 0 && !bp.timerFired {
		return sim.SelectCase{}
	}
	return bp.output.Sending(bp.buffer)
}

// take puts a message into the buffer, once there is space.
func (bp *BrokerProducer) take(t *sim.Task) {
	for bp.buffer.count() == bp.config.MaxMessages {
		bp.waitForSpace(t)
	}
	if bp.buffer == 0 {
		bp.buffer = setOf(bp.msg, 0)
	}
	bp.buffer++
	bp.msg = 0
	if bp.config.FlushFrequency > 0 && !bp.timing {
		bp.timer.Start(t, bp.config.FlushFrequency)
		bp.timing = true
	}
}

// waitForSpace is a turn of waitForSpace, and of the loop of shutdown: a
// response comes, or the buffer goes.
func (bp *BrokerProducer) waitForSpace(t *sim.Task) {
	chosen := t.At(PointSpace).Select(bp.output.Sending(bp.buffer), bp.pending.Receiving())
	if chosen == &bp.output {
		bp.rollOver(t)
	} else {
		bp.handleResponse(t)
	}
}

// rollOver begins a new buffer.
func (bp *BrokerProducer) rollOver(t *sim.Task) {
	if bp.timing {
		bp.timer.Stop(t)
	}
	bp.timing, bp.timerFired, bp.buffer = false, false, 0
}

// handleResponse tells the application.
//
// Source: brokerProducer.handleResponse, brokerProducer.handleSuccess.
func (bp *BrokerProducer) handleResponse(t *sim.Task) {
	set, _ := bp.pending.Received(t)
	set.tell(t, false)
}

// shutdown sends what is left, and awaits all responses.
func (bp *BrokerProducer) shutdown(t *sim.Task) {
	for bp.buffer != 0 {
		bp.waitForSpace(t)
	}
	bp.output.Close(t)
	for {
		set, ok := bp.pending.Receive(t.At(PointResponses))
		if !ok {
			break
		}
		set.tell(t, false)
	}
	bp.ended.Close(t)
}

// Bridge hands the sets of messages to the connection.
//
// Source: the "minimal bridge" of newBrokerProducer.
type Bridge struct {
	*AsyncProducer
	goroutine goroutine
}

// NewBridge returns the goroutine between the gathering and the connection.
func (p *AsyncProducer) NewBridge() *Bridge {
	return &Bridge{AsyncProducer: p, goroutine: newGoroutine(p.broker)}
}

// Run sends. The connection is only closed once this has ended, so no send ever
// finds it closed.
func (b *Bridge) Run(t *sim.Task) {
	for {
		set, ok := b.output.Receive(t.At(PointBridge))
		if b.goroutine.set = set; !ok {
			break
		}
		b.sent.Add(t, 1)
		b.goroutine.asyncProduce(t)
	}
	b.sent.Wait(t.At(PointInFlight))
	b.pending.Close(t)
}
