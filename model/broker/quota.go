package broker

import (
	"strconv"
	"time"

	"racelab/model"
	"racelab/sim"
)

// Quota is how much clients may have of something.
type Quota struct {
	// PerSecond is how much a second, on the average over the samples: bytes, or
	// nanoseconds of the time of request handlers.
	//
	// Default: 0, which is no limit.
	// Source: producer_byte_rate, request_percentage.
	PerSecond int64
	// Capped bounds a delay by one window.
	//
	// Source: ClientRequestQuotaManager.throttleTime; bytes know no such bound.
	Capped bool
}

const (
	// quotaSamples is over how many samples a rate is measured.
	//
	// Source: QuotaConfig.NUM_QUOTA_SAMPLES_DEFAULT.
	quotaSamples = 11
	// quotaWindow is how long a sample takes.
	//
	// Source: QuotaConfig.QUOTA_WINDOW_SIZE_SECONDS_DEFAULT.
	quotaWindow = time.Second
)

// rate is what clients have had of something, in samples.
//
// Source: Rate, SampledStat.
type rate struct {
	samples []sample // oldest first
}

// sample is what came within a window. It begins with what comes first.
type sample struct {
	start sim.Time
	sum   int64
}

// record adds to the newest sample, or begins one.
//
// Source: SampledStat.record.
func (r *rate) record(value int64, now sim.Time) {
	last := len(r.samples) - 1
	if last < 0 || now.Sub(r.samples[last].start) >= quotaWindow {
		if len(r.samples) == quotaSamples {
			r.samples = append(r.samples[:0], r.samples[1:]...)
		}
		r.samples = append(r.samples, sample{start: now})
		last = len(r.samples) - 1
	}
	r.samples[last].sum += value
}

// purge forgets the samples that are too old.
//
// Source: SampledStat.purgeObsoleteSamples.
func (r *rate) purge(now sim.Time) {
	old := 0
	for old < len(r.samples) && now.Sub(r.samples[old].start) >= quotaSamples*quotaWindow {
		old++
	}
	r.samples = append(r.samples[:0], r.samples[old:]...)
}

// window is the time since the oldest sample began, padded to all windows but
// one: or a client would be slowed down for a burst with which it begins.
//
// Source: Rate.windowSize.
func (r *rate) window(now sim.Time) time.Duration {
	elapsed := time.Duration(0)
	if len(r.samples) > 0 {
		elapsed = now.Sub(r.samples[0].start)
	}
	if full := elapsed / quotaWindow; full < quotaSamples-1 {
		elapsed += (quotaSamples - 1 - full) * quotaWindow
	}
	return elapsed
}

// throttleTime is how long it takes until the rate has come down to the quota,
// if nothing more comes: X = (O - T) / T * W, for O the sum over W.
//
// Unit: whole milliseconds, as on the wire.
// Source: ClientQuotaManager.recordAndGetThrottleTimeMs, QuotaUtils.throttleTime.
func (q Quota) throttleTime(r *rate, now sim.Time) time.Duration {
	if q.PerSecond == 0 {
		return 0
	}
	r.purge(now)
	sum := int64(0)
	for i := range r.samples {
		sum += r.samples[i].sum
	}
	allowed := time.Duration(float64(sum) / float64(q.PerSecond) * float64(time.Second)) // (O - T) / T * W + W
	delay := max(allowed-r.window(now), 0).Round(time.Millisecond)
	if q.Capped {
		delay = min(delay, quotaWindow)
	}
	return delay
}

// QuotaConfig is what is set before the broker starts.
type QuotaConfig struct {
	ProducerByteRate Quota
	RecordBytes      int64 // of a record on the wire
	RequestTime      Quota
	HandlerTime      time.Duration // of a request
	// Throttles are the delays of the first answers, whatever the quotas say: for
	// worlds that are about a client.
	Throttles []time.Duration
	// WithoutMuting answers what comes during a delay, as nothing but the client
	// then keeps to it.
	WithoutMuting bool
}

// QuotaBroker is a broker with regard to its quotas: it takes what producers
// send, and tells them how long not to. The client belongs to one user, whatever
// its connection.
//
// Source: KafkaApis.handleProduceRequest, ClientQuotaManager; KIP-219.
// Differs: one connection, and one partition, of which it knows only where it ends.
type QuotaBroker struct {
	config       QuotaConfig `sim:"config"`
	bytes, time  rate
	logEndOffset model.Offset
	answers      int32        // of those in config.Throttles
	muted        sim.Envelope // what was answered last, while its connection is muted; else none
}

// NewQuotaBroker returns a broker that nobody has written to yet.
func NewQuotaBroker(config QuotaConfig) *QuotaBroker {
	return &QuotaBroker{config: config}
}

// Handle answers a request.
func (b *QuotaBroker) Handle(e sim.Envelope, out *sim.Outbox) {
	switch request := e.Message.(type) {
	case *model.ProduceRequest:
		b.produce(e, request, out)
	default:
		panic("broker: no handler for " + sim.NameOf(e.Message))
	}
}

// produce records, checks, and answers at once; then it does not listen until
// the delay is over.
//
// Source: KafkaApis.handleProduceRequest.
func (b *QuotaBroker) produce(e sim.Envelope, request *model.ProduceRequest, out *sim.Outbox) {
	response := &model.ProduceResponse{}
	records := int64(0)
	for i := range request.Partitions {
		batch := &request.Partitions[i].Batch
		response.Partitions = append(response.Partitions, model.ProducePartitionResponse{
			Partition: request.Partitions[i].Partition, BaseOffset: b.logEndOffset,
		})
		b.logEndOffset += model.Offset(batch.Count())
		records += int64(batch.Count())
	}
	response.ThrottleTime = b.throttle(records*b.config.RecordBytes, out)
	out.Reply(e, response)
	if response.ThrottleTime > 0 && !b.config.WithoutMuting {
		b.mute(e, response.ThrottleTime, out)
	}
}

// throttle records a request against both quotas; the larger delay wins.
//
// Source: KafkaApis.handleProduceRequest, maxThrottleTimeMs.
func (b *QuotaBroker) throttle(bytes int64, out *sim.Outbox) (delay time.Duration) {
	if int(b.answers) < len(b.config.Throttles) {
		b.answers++
		return b.config.Throttles[b.answers-1]
	}
	// A quota that is not set measures nothing, and needs no clock.
	if b.config.ProducerByteRate.PerSecond > 0 {
		b.bytes.record(bytes, out.Now())
		delay = b.config.ProducerByteRate.throttleTime(&b.bytes, out.Now())
	}
	if b.config.RequestTime.PerSecond > 0 {
		b.time.record(int64(b.config.HandlerTime), out.Now())
		delay = max(delay, b.config.RequestTime.throttleTime(&b.time, out.Now()))
	}
	return delay
}

// mute keeps a connection from being read.
//
// Source: ThrottledChannel, SocketServer.Processor.handleChannelMuteEvent.
func (b *QuotaBroker) mute(e sim.Envelope, delay time.Duration, out *sim.Outbox) {
	if b.muted.Message != nil {
		panic("broker: a QuotaBroker serves one connection, and another one is muted")
	}
	b.muted = e
	out.Mute(e)
	out.After(0, delay)
}

// Timers names the end of the delay.
func (b *QuotaBroker) Timers() []string { return []string{"channel"} }

// Expire reads on where a delay is over.
//
// Source: ClientQuotaManager.ThrottledChannelReaper.
func (b *QuotaBroker) Expire(_ int, out *sim.Outbox) {
	out.Unmute(b.muted)
	b.muted = sim.Envelope{}
}

// Describe shows where the partition ends, and what is not read.
func (b *QuotaBroker) Describe(show func(name, value string)) {
	show("P0 end", strconv.FormatInt(int64(b.logEndOffset), 10))
	heard := "heard"
	if b.muted.Message != nil {
		heard = "muted"
	}
	show("channel", heard)
}
