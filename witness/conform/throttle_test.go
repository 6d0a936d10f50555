package conform

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"

	"racelab/model"
	saramaclient "racelab/model/producer/sarama"
	"racelab/scenarios/throttlestall"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/conform/locks"
)

// throttling is one goroutine that sends messages over a connection whose broker
// throttles it; it closes the connection in the end, or another goroutine does.
type throttling struct {
	throttlestall.Params
	service sim.Delay // of a request at the broker, one after the other
	seed    uint64    // of what is drawn of it
}

func drawThrottling(r *rapid.T) throttling {
	c := throttling{Params: throttlestall.Scenario.Default()}
	millis := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(r, name)) * time.Millisecond
	}
	c.Messages = rapid.IntRange(1, 8).Draw(r, "messages")
	c.Throttles = rapid.IntRange(0, 10).Draw(r, "throttles")
	c.Throttle, c.LastThrottle = millis("throttle", 1, 2500), millis("last throttle", 1, 2500)
	c.Muting = rapid.Bool().Draw(r, "muting")
	c.MaxOpen = rapid.SampledFrom([]int{1, 1, 2, 3, 5}).Draw(r, "max-open")
	// Of any length, so that no two of what is due are due at one instant: a broker that
	// does not listen during a throttle would answer just when the throttle ends.
	c.service = sim.Uniform(time.Millisecond, millis("service", 2, 60))
	c.seed = rapid.Uint64Range(0, 1_000_000).Draw(r, "seed")
	if rapid.Bool().Draw(r, "pauses") {
		c.Pause = millis("pause", 1, 600) + 311*time.Microsecond
	}
	if c.CloseBeside = rapid.Bool().Draw(r, "close beside"); c.CloseBeside {
		c.CloseAfter = millis("close after", 1, 1500) + 411*time.Microsecond
	}
	return c
}

// throttle is how long an answer says, from 0.
func (c throttling) throttle(answer int) time.Duration {
	switch {
	case answer >= c.Throttles:
		return 0
	case answer == c.Throttles-1:
		return c.LastThrottle
	}
	return c.Throttle
}

// over is when a run is looked at that may not end by itself.
const over = time.Minute

// modelled runs the model.
func (c throttling) modelled(release saramaclient.Release, oneMore bool) *story {
	w := sim.NewWorld()
	defer w.Close()
	c.OneMore = oneMore
	throttlestall.Scenario.Build(w, throttlestall.Sarama(release), c.Params)
	w.Timed(sim.Timing{Seed: c.seed, Service: c.service, Wake: sim.Constant(wake)})
	s := &story{}
	note := sim.NewProperty("story", nil)
	sim.On(note, sim.Arrived, func(_ *sim.Claim, _ sim.Act, m *model.ProduceRequest) {
		s.note(w.Now(), "produce %v", m.Partitions[0].Batch.Records[0])
	})
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, m *model.Produced) {
		s.note(w.Now(), "outcome of %v", m)
	})
	sim.On(note, sim.Called, func(_ *sim.Claim, _ sim.Act, m *model.CloseConnection) { s.note(w.Now(), "close") })
	sim.On(note, sim.Returned, func(_ *sim.Claim, _ sim.Act, m *model.CloseConnection) { s.note(w.Now(), "closed") })
	w.Watch(note)
	for system := explore.Of(w); len(system.Enabled()) > 0; {
		system.Take(readerFirst(system.Enabled()))
	}
	return s
}

// readerFirst is the event to take of those that are due at an instant: on one
// processor, whom the response reader wakes goes on when that waits again.
func readerFirst(enabled []sim.Event) int {
	return max(0, slices.IndexFunc(enabled, func(e sim.Event) bool { return e.Actor == "reader" }))
}

// released runs the release that this binary has, and says what happened within
// a minute. It belongs in a bubble, which it leaves with an end or with goroutines that
// wait for ever.
func (c throttling) released(s *story) {
	metrics.UseNilMetrics = true
	locks.Wake = 0 // until all is set up
	conf := sarama.NewConfig()
	conf.Version = sarama.V2_1_0_0
	conf.ApiVersionsRequest = false
	conf.Net.MaxOpenRequests = c.MaxOpen
	broker := &throttlingBroker{throttling: c, story: s, services: sim.NewRandom(c.seed, "service broker")}
	conf.Net.Proxy.Enable, conf.Net.Proxy.Dialer = true, broker
	b := sarama.NewBroker(address(1))
	if err := b.Open(conf); err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	if _, err := b.Connected(); err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	synctest.Wait()
	start := time.Now()
	broker.start, broker.free, broker.muted, locks.Wake = start, start, start, wake
	closes := func() {
		s.note(time.Since(start), "close")
		_ = b.Close()
		s.note(time.Since(start), "closed")
	}
	go func() {
		for i := range c.Messages {
			if i == 2 {
				time.Sleep(c.Pause)
			}
			record := model.Record(i + 1)
			tell := func(err error) {
				s.note(time.Since(start), "outcome of %v", &model.Produced{Record: record, NotConnected: err != nil})
			}
			err := b.AsyncProduce(produceRequest(i+1), func(_ *sarama.ProduceResponse, err error) { tell(err) })
			if err != nil {
				tell(err)
			}
		}
		if !c.CloseBeside {
			closes()
		}
	}()
	if c.CloseBeside {
		go func() {
			time.Sleep(c.CloseAfter)
			closes()
		}()
	}
	time.Sleep(over)
}

func produceRequest(message int) *sarama.ProduceRequest {
	r := &sarama.ProduceRequest{RequiredAcks: sarama.WaitForLocal, Timeout: 1000, Version: 2}
	r.AddMessage(topic, 0, &sarama.Message{Value: fmt.Append(nil, message), Version: 1})
	return r
}

// throttlingBroker answers requests one after the other, and does not read, or does,
// during a throttle.
type throttlingBroker struct {
	throttling
	*story
	start    time.Time
	mu       sync.Mutex
	answers  int
	services sim.Random
	free     time.Time // it is through with what came before
	muted    time.Time // it does not read until then
}

func (b *throttlingBroker) Dial(string, string) (net.Conn, error) { return pipe(b.handle), nil }

func (b *throttlingBroker) handle(request kmsg.Request) (kmsg.Response, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := request.(*kmsg.ProduceRequest)
	read := latest(time.Now(), b.muted)
	b.note(read.Sub(b.start), "produce %v", b.answers+1)
	b.free = latest(read, b.free).Add(b.service.Draw(&b.services))
	response := kmsg.NewPtrProduceResponse()
	throttle := b.throttle(b.answers)
	b.answers++
	response.ThrottleMillis = int32(throttle.Milliseconds())
	if b.Muting && throttle > 0 {
		b.muted = read.Add(throttle)
	}
	for _, asked := range r.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = asked.Topic
		for _, of := range asked.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition = of.Partition
			t.Partitions = append(t.Partitions, p)
		}
		response.Topics = append(response.Topics, t)
	}
	return response, time.Until(b.free)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Goal: under throttles a release of Sarama sends, is told and closes when the model
// does, or stalls where the model stalls.
func TestSaramaThrottles(t *testing.T) {
	if *built == "" {
		return // It has locks that stop the bubble's clock.
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // Package locks needs it.
	release := releaseOf(version(t, "sarama"),
		from[saramaclient.Release]{"v1.37.0", saramaclient.Release1_40_1}, from[saramaclient.Release]{"v1.41.0", saramaclient.Release1_43_0},
		from[saramaclient.Release]{"v1.43.1", saramaclient.Release1_43_1}, from[saramaclient.Release]{"v1.48.0", saramaclient.Release1_48_0})
	oneMore := semver.Compare(version(t, "sarama"), "v1.61.1") < 0
	stalled := 0
	rapid.Check(t, func(r *rapid.T) {
		c := drawThrottling(r)
		want, got, stalls := c.modelled(release, oneMore), &story{}, false
		agree := agrees(func() bool {
			got = &story{}
			stalls = inBubble(t, func() { c.released(got) })
			return got.sameAs(want)
		})
		if stalls {
			stalled++
		}
		if !agree {
			r.Fatalf("sarama %s with %+v\nreleased:\n%v\nmodel:\n%v", version(t, "sarama"), c, got, want)
		}
	})
	if stalled > 0 != (release == saramaclient.Release1_43_0) {
		t.Errorf("%s stalled at %d settings", version(t, "sarama"), stalled)
	}
}

// inBubble runs in a bubble, and says whether goroutines remain that wait for ever.
func inBubble(t *testing.T, run func()) (remain bool) {
	defer func() {
		if deadlock := recover(); deadlock != nil {
			remain = true
		}
	}()
	synctest.Test(t, func(*testing.T) { run() })
	return false
}
