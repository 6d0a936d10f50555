package producer

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// SaramaAsyncProducerConfig is what is set before the producer starts.
type SaramaAsyncProducerConfig struct {
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

// SaramaAsyncProducer is what the goroutines of a producer share.
//
// Source: asyncProducer, brokerProducer in sarama 1.43.0, async_producer.go.
// Differs: dispatcher, topicProducer and partitionProducer only hand on and are
// left out, so Input is the input of the one brokerProducer. Nothing is retried,
// because nothing fails. The two channels that carry responses, with a queue
// between them so that no callback ever waits, are one with room for all.
type SaramaAsyncProducer struct {
	config SaramaAsyncProducerConfig `sim:"config"`
	broker *SaramaBroker

	input   sim.Chan[model.Record]
	output  sim.Chan[produceSet]
	pending sim.Chan[produceSet]
	sent    sim.WaitGroup // requests in flight
	ended   sim.Chan[bool]
}

// NewSaramaAsyncProducer returns a producer that uses the connection.
func NewSaramaAsyncProducer(b *SaramaBroker, config SaramaAsyncProducerConfig) *SaramaAsyncProducer {
	p := &SaramaAsyncProducer{config: config, broker: b}
	p.input.Init(config.Input)
	p.output.Init(0)
	p.pending.Init(config.Messages)
	p.ended.Init(0)
	return p
}

// NewResponseReceiver returns the response reader of the connection, which runs
// the callbacks of the producer.
func (p *SaramaAsyncProducer) NewResponseReceiver() *SaramaResponseReceiver {
	r := NewSaramaResponseReceiver(p.broker)
	r.forward = p
	return r
}

// SaramaApplication sends messages, each when it is due, and closes producer and
// connection.
type SaramaApplication struct {
	*SaramaAsyncProducer
	goroutine saramaGoroutine
	every     time.Duration `sim:"config"`
	clock     sim.Timer
	i         int32
}

// NewApplication returns an application that sends a message as often as given,
// and waits where there is no room for it.
func (p *SaramaAsyncProducer) NewApplication(every time.Duration) *SaramaApplication {
	return &SaramaApplication{SaramaAsyncProducer: p, goroutine: newSaramaGoroutine(p.broker), every: every}
}

// Run sends.
//
// Source: AsyncProducer.Input, AsyncProducer.Close, Client.Close.
func (a *SaramaApplication) Run(t *sim.Task) {
	for a.i = 0; a.i < int32(a.config.Messages); a.i++ {
		if a.every > 0 && a.i > 0 {
			a.clock.Sleep(t, a.every, PointPause)
		}
		a.input.Send(t, PointProduce, model.Record(a.i+1))
		t.Returned(&model.Accepted{Record: model.Record(a.i + 1)})
	}
	a.i = 0
	a.input.Close(t)
	a.ended.Receive(t, PointShutDown)
	a.goroutine.closeBroker(t)
}

// SaramaBrokerProducer gathers messages into requests.
//
// Source: brokerProducer.
type SaramaBrokerProducer struct {
	*SaramaAsyncProducer
	buffer     produceSet // 0: it is empty
	timer      sim.Timer
	timing     bool // timer != nil
	timerFired bool
	msg        model.Record // that waits for space
}

// NewBrokerProducer returns the goroutine that gathers.
func (p *SaramaAsyncProducer) NewBrokerProducer() *SaramaBrokerProducer {
	return &SaramaBrokerProducer{SaramaAsyncProducer: p}
}

// Run is brokerProducer.run.
func (bp *SaramaBrokerProducer) Run(t *sim.Task) {
	for {
		chosen := t.Select(PointDispatch, bp.input.Receiving(), bp.ticking(), bp.flushing(), bp.pending.Receiving())
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
func (bp *SaramaBrokerProducer) ticking() sim.Case {
	if !bp.timing || bp.timerFired {
		return sim.Case{}
	}
	return bp.timer.Receiving()
}

// flushing is the case of the output, if what is in the buffer is to be sent.
//
// Source: produceSet.readyToFlush.
func (bp *SaramaBrokerProducer) flushing() sim.Case {
	if bp.buffer == 0 || bp.config.FlushFrequency > 0 && !bp.timerFired {
		return sim.Case{}
	}
	return bp.output.Sending(bp.buffer)
}

// take puts a message into the buffer, once there is space.
func (bp *SaramaBrokerProducer) take(t *sim.Task) {
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
func (bp *SaramaBrokerProducer) waitForSpace(t *sim.Task) {
	chosen := t.Select(PointSpace, bp.output.Sending(bp.buffer), bp.pending.Receiving())
	if chosen == &bp.output {
		bp.rollOver(t)
	} else {
		bp.handleResponse(t)
	}
}

// rollOver begins a new buffer.
func (bp *SaramaBrokerProducer) rollOver(t *sim.Task) {
	if bp.timing {
		bp.timer.Stop(t)
	}
	bp.timing, bp.timerFired, bp.buffer = false, false, 0
}

// handleResponse tells the application.
//
// Source: brokerProducer.handleResponse, brokerProducer.handleSuccess.
func (bp *SaramaBrokerProducer) handleResponse(t *sim.Task) {
	set, _ := bp.pending.Received(t)
	set.tell(t, false)
}

// shutdown sends what is left, and awaits all responses.
func (bp *SaramaBrokerProducer) shutdown(t *sim.Task) {
	for bp.buffer != 0 {
		bp.waitForSpace(t)
	}
	bp.output.Close(t)
	for {
		set, ok := bp.pending.Receive(t, PointResponses)
		if !ok {
			break
		}
		set.tell(t, false)
	}
	bp.ended.Close(t)
}

// SaramaBridge hands the sets of messages to the connection.
//
// Source: the "minimal bridge" of newBrokerProducer.
type SaramaBridge struct {
	*SaramaAsyncProducer
	goroutine saramaGoroutine
}

// NewBridge returns the goroutine between the gathering and the connection.
func (p *SaramaAsyncProducer) NewBridge() *SaramaBridge {
	return &SaramaBridge{SaramaAsyncProducer: p, goroutine: newSaramaGoroutine(p.broker)}
}

// Run sends. The connection is only closed once this has ended, so no send ever
// finds it closed.
func (b *SaramaBridge) Run(t *sim.Task) {
	for {
		set, ok := b.output.Receive(t, PointBridge)
		if b.goroutine.set = set; !ok {
			break
		}
		b.sent.Add(t, 1)
		b.goroutine.asyncProduce(t)
	}
	b.sent.Wait(t, PointInFlight)
	b.pending.Close(t)
}
