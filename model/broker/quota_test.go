package broker

import (
	"slices"
	"testing"
	"time"

	"racelab/model"
	"racelab/sim"
)

const ms = time.Millisecond

// batch is a produce request of n records.
func batch(n int) *model.ProduceRequest {
	return &model.ProduceRequest{Partitions: []model.PartitionBatch{{Batch: model.RecordBatch{
		ProducerID: model.NoProducerID, BaseSequence: model.NoSequence, Records: make([]model.Record, n),
	}}}}
}

// pacer sends requests, each so long after the one before, and notes when the
// answers come, and what they say.
type pacer struct {
	broker    *sim.Conn
	requests  []*model.ProduceRequest
	every     time.Duration
	pipelined bool // it sends all before it reads an answer
	clock     sim.Timer
	next      int
	throttles []time.Duration
	at        []time.Duration
}

func (p *pacer) Run(t *sim.Task) {
	for p.next = 0; p.next < len(p.requests); p.next++ {
		t.Step("send")
		p.broker.Send(t, p.requests[p.next])
		if !p.pipelined {
			p.read(t)
			p.clock.Sleep(t.At("pause"), p.every)
		}
	}
	for p.pipelined && len(p.at) < len(p.requests) {
		p.read(t)
	}
}

func (p *pacer) read(t *sim.Task) {
	answer := p.broker.Receive(t.At("await answer"))
	p.throttles = append(p.throttles, answer.(*model.ProduceResponse).ThrottleTime)
	p.at = append(p.at, t.Now().Sub(0))
}

// pace plays requests to a broker, in a world in which only pauses and throttles
// take time.
func pace(t *testing.T, config QuotaConfig, p *pacer) *pacer {
	t.Helper()
	w := sim.NewWorld()
	defer w.Close()
	w.Timed(sim.Timing{})
	w.Share("clock", &p.clock)
	w.AddNode("broker", NewQuotaBroker(config))
	p.broker = w.Dial("producer", "broker")
	w.GoProgram("producer", p)
	if _, err := sim.Run(w, sim.NewWalk(1)); err != nil {
		t.Fatal(err)
	}
	if len(p.at) != len(p.requests) {
		t.Fatalf("%d of %d requests are answered", len(p.at), len(p.requests))
	}
	return p
}

func requests(n, records int) []*model.ProduceRequest {
	return slices.Repeat([]*model.ProduceRequest{batch(records)}, n)
}

// Goal: X = (O - T) / T * W, with W padded to ten windows for who has just
// begun, and what came recorded before it is checked.
func TestThrottleTimeFollowsTheFormula(t *testing.T) {
	for _, test := range []struct {
		name    string
		bytes   int // of the one request, of a client that may have 1000 a second
		want    time.Duration
		another time.Duration // if the same comes again a second later
	}{
		{"what ten windows may have", 10_000, 0, 10_000 * ms},
		{"a tenth more", 11_000, 1000 * ms, 12_000 * ms},
		{"one byte more", 10_001, 1 * ms, 10_002 * ms},
	} {
		config := QuotaConfig{ProducerByteRate: Quota{PerSecond: 1000}, RecordBytes: 1, WithoutMuting: true}
		p := pace(t, config, &pacer{requests: requests(2, test.bytes), every: time.Second})
		if p.throttles[0] != test.want || p.throttles[1] != test.another {
			t.Errorf("%s: throttled %v and then %v, want %v and %v", test.name, p.throttles[0], p.throttles[1], test.want, test.another)
		}
	}
}

// Goal: a sample takes a second, there are eleven, and the twelfth forgets the
// first. Method: a burst in the first second, and one byte in each that follows:
// the rate comes down with time, and by much when the burst is forgotten.
func TestSamples(t *testing.T) {
	burst := append(requests(1, 20_000), requests(14, 1)...)
	p := pace(t, QuotaConfig{ProducerByteRate: Quota{PerSecond: 1000}, RecordBytes: 1, WithoutMuting: true},
		&pacer{requests: burst, every: time.Second})
	for i, got := range p.throttles {
		want := 10_000 * ms // 20 s of quota, less ten windows
		switch {
		case i >= 11:
			want = 0
		case i > 0:
			want += time.Duration(i) * ms
		}
		if got != want {
			t.Errorf("after %d s: throttled %v, want %v", i, got, want)
		}
	}
}

// Goal: a sample is forgotten when it is eleven windows old, also if none came
// after it.
func TestOldSampleIsForgotten(t *testing.T) {
	p := pace(t, QuotaConfig{ProducerByteRate: Quota{PerSecond: 1000}, RecordBytes: 1, WithoutMuting: true},
		&pacer{requests: requests(2, 20_000), every: 11 * time.Second})
	if p.throttles[1] != 10*time.Second {
		t.Errorf("the same burst 11 s later is throttled %v, want 10s, as the first", p.throttles[1])
	}
}

// Goal: what violates the quota is accepted, and answered at once.
func TestViolationIsAcceptedAtOnce(t *testing.T) {
	p := pace(t, QuotaConfig{ProducerByteRate: Quota{PerSecond: 1000}, RecordBytes: 1}, &pacer{requests: requests(1, 20_000)})
	if p.at[0] != 0 || p.throttles[0] != 10*time.Second {
		t.Errorf("answered at %v with a throttle of %v, want at 0s with 10s", p.at[0], p.throttles[0])
	}
}

// Goal: the channel is not read until the delay is over (KIP-219), and then it
// is; without muting it is read on.
func TestChannelIsMuted(t *testing.T) {
	for _, test := range []struct {
		without bool
		want    []time.Duration
	}{
		{false, []time.Duration{0, 200 * ms, 250 * ms}},
		{true, []time.Duration{0, 0, 0}},
	} {
		p := pace(t, QuotaConfig{Throttles: []time.Duration{200 * ms, 50 * ms}, WithoutMuting: test.without},
			&pacer{requests: requests(3, 1), pipelined: true})
		if !slices.Equal(p.at, test.want) {
			t.Errorf("without muting %v: answers come at %v, want %v", test.without, p.at, test.want)
		}
	}
}

// Goal: of two quotas the one with the larger delay counts.
func TestLargerDelayWins(t *testing.T) {
	for _, test := range []struct {
		bytes   int
		handler time.Duration
		want    time.Duration
	}{
		{10_100, 0, 100 * ms},
		{0, 2000 * ms, 500 * ms},
		{10_100, 2000 * ms, 500 * ms},
		{10_900, 2000 * ms, 900 * ms},
	} {
		p := pace(t, QuotaConfig{
			ProducerByteRate: Quota{PerSecond: 1000}, RecordBytes: 1,
			RequestTime: Quota{PerSecond: int64(2000*ms) * 10 / 105}, HandlerTime: test.handler, // 2 s are what 10.5 s may have.
		}, &pacer{requests: requests(1, test.bytes)})
		if p.throttles[0] != test.want {
			t.Errorf("%d bytes, %v of a handler: throttled %v, want %v", test.bytes, test.handler, p.throttles[0], test.want)
		}
	}
}

// Goal: the delay of the request quota is one window at the most, that of bytes
// is as long as it takes.
func TestOnlyRequestTimeIsCapped(t *testing.T) {
	for _, test := range []struct {
		name   string
		config QuotaConfig
		want   time.Duration
	}{
		{"bytes", QuotaConfig{ProducerByteRate: Quota{PerSecond: 1}, RecordBytes: 1}, 90 * time.Second},
		{"request time", QuotaConfig{RequestTime: Quota{PerSecond: int64(ms), Capped: true}, HandlerTime: 100 * ms}, time.Second},
	} {
		if p := pace(t, test.config, &pacer{requests: requests(1, 100)}); p.throttles[0] != test.want {
			t.Errorf("%s: throttled %v, want %v", test.name, p.throttles[0], test.want)
		}
	}
}

// Goal: without a quota nobody is throttled, however much comes.
func TestNoQuotaNoThrottle(t *testing.T) {
	if p := pace(t, QuotaConfig{RecordBytes: 1 << 30}, &pacer{requests: requests(3, 1000)}); slices.Max(p.throttles) != 0 {
		t.Errorf("throttled %v, want nothing", p.throttles)
	}
}
