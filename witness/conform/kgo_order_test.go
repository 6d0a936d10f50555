package conform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"

	"racelab/model"
	"racelab/model/broker"
	producer "racelab/model/producer/kgo"
	"racelab/scenarios/retryorder"
	"racelab/sim"
	"racelab/sim/explore"
)

// kgoOrdering is an application that produces records to one partition, a batch each, whose
// leader refuses one of them for a while, or loses the connection once or twice when it has
// written a batch, and may refuse that then; or who moves, and perhaps back, which the metadata
// tells before or after that. What fails is produced again.
type kgoOrdering struct {
	ordering
	minAge  time.Duration // of the metadata
	release string
}

// drawKgoOrdering draws a setting. Before 1.21.6, nobody can read a request whose batch fails
// before it is written; so only those lose connections whose batches do not fail then.
func drawKgoOrdering(r *rapid.T, release string) (c kgoOrdering) {
	c.Messages = rapid.IntRange(1, 9).Draw(r, "records") // With more, the model has too many stories, in one run of 20.
	if c.Idempotent = rapid.Bool().Draw(r, "idempotent"); c.Idempotent {
		c.MaxOpen = releaseOf(release, from[int]{"v1.15.0", 4}, from[int]{"v1.22.1", 5})
	} else {
		c.MaxOpen = rapid.IntRange(1, releaseOf(release, from[int]{"v1.15.0", 9}, from[int]{"v1.20.0", 12})).Draw(r, "in-flight")
	}
	if rapid.Bool().Draw(r, "loses") && (c.Idempotent || semver.Compare(release, "v1.21.6") >= 0) {
		c.lost = []int{rapid.IntRange(1, c.Messages).Draw(r, "lost")}
		if c.Messages <= 4 && rapid.Bool().Draw(r, "loses again") { // With more, the model has too many stories.
			c.lost = append(c.lost, c.lost[0]+rapid.IntRange(1, 4).Draw(r, "then"))
		}
		c.after = rapid.IntRange(0, 1).Draw(r, "after")
	}
	if c.Messages <= 5 && rapid.Bool().Draw(r, "moves") {
		c.drawMoves(r)
	}
	c.Refused = rapid.IntRange(1, c.Messages).Draw(r, "refused")
	c.Refusals = rapid.IntRange(0, 9).Draw(r, "refusals")
	c.refusal = rapid.SampledFrom([]model.Error{model.ErrNotLeaderOrFollower, model.ErrInvalidRecord}).Draw(r, "refusal")
	c.RetryMax = rapid.IntRange(1, 8).Draw(r, "retries")
	if len(c.moves) > 0 && retriesOf(release, c.RetryMax) == 0 {
		c.RetryMax++ // TestKgoWithoutRetriesStays says why.
	}
	c.minAge = time.Duration(rapid.IntRange(10, 400).Draw(r, "min-age"))*time.Millisecond + 11*time.Nanosecond
	// No two of what is due are due at one instant.
	c.think = sim.Exponential(time.Duration(rapid.SampledFrom([]int{100, 2000, 20_000}).Draw(r, "think")) * time.Microsecond)
	c.service = sim.Uniform(time.Millisecond, time.Duration(rapid.IntRange(2, 20).Draw(r, "service"))*time.Millisecond)
	c.seed = rapid.Uint64Range(0, 1_000_000).Draw(r, "seed")
	return c
}

// losingBroker is the model's broker, whose connections are lost after some requests, and who
// stands for two, on two connections.
type losingBroker struct {
	*broker.Broker
	lost   []int  `sim:"config"` // from 1
	moves  []int  `sim:"config"`
	second string `sim:"config"` // who writes to the second
	seen   int
	at     int    // the connection of the last request
	losses [2]int // so far, by connection
	cuts   bool   // now
}

func (b *losingBroker) Handle(e sim.Envelope, out *sim.Outbox) {
	request, ok := e.Message.(*model.ProduceRequest)
	if !ok {
		b.Broker.Handle(e, out)
		return
	}
	b.at = 0
	if e.From() == b.second {
		b.at = 1
	}
	b.seen++
	if b.cuts = slices.Contains(b.lost, b.seen); b.cuts {
		b.losses[b.at]++
	}
	if b.at == leader(b.moves, b.seen) || len(request.Partitions) == 0 {
		b.Broker.Handle(e, out)
		return
	}
	out.Reply(e, &model.ProduceResponse{Partitions: []model.ProducePartitionResponse{{Partition: request.Partitions[0].Partition, Error: model.ErrNotLeaderOrFollower}}})
}

// options are the events of which any may be next: of the faults, the connection is lost
// where it is to be.
func (b *losingBroker) options(enabled []sim.Event) []int {
	return withFault(enabled, b.cuts, "broker->"+connections[b.at], b.losses[b.at])
}

// withFault are the places of all events but the faults, or that of the nth connection if it
// is lost now.
func withFault(enabled []sim.Event, now bool, line string, n int) (options []int) {
	if n > 1 {
		line = fmt.Sprint(line, "/", n)
	}
	for i, e := range enabled {
		switch {
		case e.Fault && now && e.Label == string(sim.ErrBroken)+" "+line:
			return []int{i}
		case !e.Fault:
			options = append(options, i)
		}
	}
	return options
}

// brokers adds the brokers to a world, and dials them.
func (c ordering) brokers(w *sim.World, second string) (*losingBroker, []*sim.Conn) {
	config := broker.Config{Partitions: []model.Partition{0}}
	if c.Refusals > 0 {
		config.Refusals = []broker.Refusal{{Record: model.Record(c.Refused), Error: c.refusal, After: int32(c.after), Times: int32(c.Refusals)}}
	}
	node := &losingBroker{Broker: broker.New(config), lost: c.lost, moves: c.moves, second: second}
	w.AddNode("broker", node)
	leaders := []*sim.Conn{w.Dial(connections[0], "broker")}
	if len(c.moves) > 0 {
		leaders = append(leaders, w.Dial(connections[1], "broker"))
	}
	return node, leaders
}

func (c kgoOrdering) world(s *story) (*sim.World, *losingBroker) {
	w := sim.NewWorld()
	node, leaders := c.brokers(w, "sink2")
	cl := producer.NewProducer(nil, producer.ProducerConfig{
		Idempotent: c.Idempotent, InFlight: c.MaxOpen, BatchRecords: 1, RecordRetries: int32(retriesOf(c.release, c.RetryMax)), ReusesNumbers: semver.Compare(c.release, "v1.22.2") < 0, StaysOK: semver.Compare(c.release, "v1.17.0") < 0,
		FirstReadFails: semver.Compare(c.release, "v1.19.0") >= 0, Keys: 1, Partitions: 1, Batches: 3 * c.Messages, MetadataMinAge: c.minAge, Paced: true,
		Leaders: leadersOf[int32](c.knows), KeepsOK: semver.Compare(c.release, "v1.21.1") < 0, CreditsOK: semver.Compare(c.release, "v1.21.2") < 0, AwaitsMetadata: semver.Compare(c.release, "v1.17.1") < 0,
	}, leaders...)
	app := producer.NewApp(cl, producer.AppConfig{Remedy: producer.HandOverAgain, Records: c.Messages})
	app.AddTo(w, app.NewSubmitter(1, model.Record(c.Messages+1), 1))
	w.GoProgram("metadata", cl.NewMetadata())
	w.Allow(sim.Faults{Cuts: len(c.lost)})
	w.Timed(sim.Timing{Seed: c.seed, Service: c.service, ThinkTimes: []sim.DelayOverride{{Of: producer.PointSubmit, Delay: c.think}}})
	s.watch(w, c.Idempotent)
	return w, node
}

// released runs the release that this binary has. It belongs in a bubble.
//
// It is vacuous if a batch failed while its request was being made, which the model leaves
// out.
func (c kgoOrdering) released(s *story) (vacuous bool) {
	leader := &refusingLeader{ordering: c.ordering, story: s, cluster: newCluster(3), services: sim.NewRandom(c.seed, "service broker")}
	leader.cluster.leads = leader.known
	options := []kgo.Opt{kgo.RecordRetries(c.RetryMax), kgo.MetadataMinAge(c.minAge)}
	if !c.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(c.MaxOpen))
	}
	cl := leader.kgoClient(options...)
	start := leader.start
	var delivered sync.WaitGroup
	delivered.Add(c.Messages)
	failed := make(chan int, 1<<10)
	produce := func(record int) {
		value := []byte(fmt.Sprintf("%-300d", record)) // Two do not fit into a batch.
		cl.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			s.note(time.Since(start), "outcome of %v", &model.Promised{Record: model.Record(record), Failed: kgoErrorOf(err)})
			if err == nil {
				delivered.Done()
			} else {
				failed <- record
			}
		})
	}
	go func() {
		for record := range failed {
			produce(record)
		}
	}()
	think := sim.NewRandom(c.seed, "before "+producer.PointSubmit+" p1")
	for i := range c.Messages {
		if i > 0 {
			time.Sleep(c.think.Draw(&think))
		}
		produce(i + 1)
	}
	delivered.Wait()
	close(failed)
	cl.Close()
	return leader.empty
}

// kgoClient is a client that has used other partitions of both leaders: it is connected, and has
// the metadata and a producer id. What comes now is told.
func (l *refusingLeader) kgoClient(options ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append(options,
		kgo.SeedBrokers(address(coordinatorID)), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(512), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RetryBackoffFn(func(int) time.Duration { return 0 }),
		kgo.Dialer(func(_ context.Context, network, host string) (net.Conn, error) { return l.Dial(network, host) }),
	)...)
	if err != nil {
		panic(fmt.Sprint("conform: the client does not start: ", err))
	}
	if err := cl.ProduceSync(context.Background(), &kgo.Record{Partition: 1}, &kgo.Record{Partition: 2}).FirstErr(); err != nil {
		panic(fmt.Sprint("conform: ", err))
	}
	time.Sleep(10 * time.Second) // What was asked for while metadata was loaded is loaded then.
	synctest.Wait()
	l.begin(time.Now())
	return cl
}

// kgoErrorOf is a client's error in the model's words.
func kgoErrorOf(err error) string {
	var code *kerr.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &code):
		return model.Error(code.Code).String()
	case errors.Is(err, kgo.ErrRecordRetries):
		return "retried too many times"
	}
	return err.Error()
}

// Goal: when a leader refuses a batch, or moves, or connections are lost with what is in flight, a
// release of franz-go sends the batches that the model sends, with their numbers, and tells the
// outcomes that the model tells, at the same times. Method: that of TestSaramaOrder.
func TestKgoOrder(t *testing.T) {
	of := version(t, "franz-go")
	tell := func(r rapid.TB, c kgoOrdering) {
		c.release = of
		var got *story
		for vacuous := true; vacuous; {
			got = &story{}
			synctest.Test(t, func(*testing.T) { vacuous = c.released(got) })
		}
		now := &story{}
		w, node := c.world(now)
		defer w.Close()
		if !got.tells(w, now, node.options) {
			first := &story{}
			w, node := c.world(first)
			defer w.Close()
			system := explore.Of(w)
			for next := node.options(system.Enabled()); len(next) > 0; next = node.options(system.Enabled()) {
				system.Take(next[0])
			}
			r.Fatalf("franz-go %s with %+v\nreleased:\n%v\nnot in the model, which has:\n%v", of, c, got, first)
		}
	}
	tell(t, failsWritten)
	rapid.Check(t, func(r *rapid.T) { tell(r, drawKgoOrdering(r, of)) })
}

// failsWritten is a setting in which a record is written, and fails: its answer is lost, and
// when it comes again its leader has moved. The next one has its numbers up to 1.22.1.
var failsWritten = kgoOrdering{
	ordering: ordering{
		Params: retryorder.Params{Messages: 3, Idempotent: true, MaxOpen: 5, Refused: 1, Refusals: 1, RetryMax: 1},
		think:  sim.Exponential(20 * time.Millisecond), service: sim.Uniform(time.Millisecond, 2*time.Millisecond),
		refusal: model.ErrNotLeaderOrFollower, after: 1, lost: []int{1}, seed: 1,
	},
	minAge: 10*time.Millisecond + 11*time.Nanosecond,
}

// Goal: a record that is not to go again, and whose leader has moved, fails without a question
// for new metadata; so all that come after it fail too, until the metadata is as old as it may
// be. With one retry it waits for the metadata, and is delivered. Method: a record each second,
// and metadata that may be a minute old, of which at most 15 s are over at the start.
func TestKgoWithoutRetriesStays(t *testing.T) {
	of := version(t, "franz-go")
	for retries, least := range []int{45, 0} {
		tries := retries
		for retriesOf(of, tries) < retries {
			tries++
		}
		failed := 0
		synctest.Test(t, func(*testing.T) { failed = failAfterMove(tries) })
		if failed < least || least == 0 && failed > 0 {
			t.Errorf("franz-go %s with RecordRetries %d: %d records fail after their leader has moved; want %d, or some more if it is not 0", of, tries, failed, least)
		}
	}
}

// failAfterMove is how many records fail before one is delivered.
func failAfterMove(retries int) (failed int) {
	leader := &refusingLeader{story: &story{}, cluster: newCluster(3)}
	leader.moves, leader.knows, leader.service = []int{1}, []int{1}, sim.Constant(time.Millisecond)
	leader.cluster.leads = leader.known
	cl := leader.kgoClient(kgo.RecordRetries(retries), kgo.MetadataMaxAge(time.Minute))
	defer cl.Close()
	for cl.ProduceSync(context.Background(), &kgo.Record{Value: []byte("1")}).FirstErr() != nil {
		failed++
		time.Sleep(time.Second)
	}
	return failed
}
