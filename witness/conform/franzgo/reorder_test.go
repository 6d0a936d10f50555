package franzgo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/scenarios/producereorder"
)

const (
	topic     = "orders"
	patience  = 10 * time.Second // for what takes milliseconds
	batchSize = 1 << 10
)

// trigger makes A fail, the first time that it is produced.
type trigger struct {
	option kgo.Opt           // of the client
	code   *kerr.Error       // the broker's answer to A and B,
	times  int               // and how often it gives it
	load   *kerr.Error       // the metadata's error for the partition after that, once
	mark   func(*kgo.Record) // does to A what makes it fail
	cancel bool              // the context of A, before it is sent
	fails  error             // what the promise of A is called with
}

var triggers = map[string]trigger{
	"invalid-record": {code: kerr.InvalidRecord, times: 1, fails: kerr.InvalidRecord},
	"retries": {
		option: kgo.RecordRetries(2), code: kerr.NotLeaderForPartition, times: 3, fails: kerr.NotLeaderForPartition,
	},
	"timeout": {
		option: kgo.RecordDeliveryTimeout(time.Hour),
		mark:   func(a *kgo.Record) { a.Timestamp = time.Now().Add(-2 * time.Hour) },
		fails:  kgo.ErrRecordTimeout,
	},
	"metadata":  {code: kerr.NotLeaderForPartition, times: 1, load: kerr.TopicAuthorizationFailed, fails: kerr.TopicAuthorizationFailed},
	"cancelled": {cancel: true, fails: context.Canceled},
	"too-large": {
		mark:  func(a *kgo.Record) { a.Value = make([]byte, 2*batchSize) },
		fails: kerr.MessageTooLarge,
	},
}

// purges says whether A takes B with it.
func (tr trigger) purges() bool { return tr.fails != kerr.MessageTooLarge }

func (tr trigger) options(idempotent bool, logger kgo.Logger) []kgo.Opt {
	options := []kgo.Opt{
		kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(batchSize), kgo.WithLogger(logger),
	}
	if tr.option != nil {
		options = append(options, tr.option)
	}
	if !idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	return options
}

func record(key string) *kgo.Record { return &kgo.Record{Key: []byte(key)} }

// Goal: the released client does what the model does, in each row.
// Method: the promise of W, a record that is written, blocks, and with it the
// goroutine that calls promises. A and B fail, then C is produced and written,
// then the promise of W returns. What fails is produced again, in the order in
// which promises tell of it. A run in which C was not written after the purge and
// before the promises shows nothing; it is said to be vacuous, and fails.
func TestReorderAsMeasured(t *testing.T) {
	for _, row := range producereorder.Measured {
		for _, idempotent := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/idempotent=%v", row.Trigger, idempotent), func(t *testing.T) {
				trigger, ok := triggers[row.Trigger]
				if !ok {
					t.Fatalf("nothing here triggers %s", row.Trigger)
				}
				log, promises := reorder(t, trigger, idempotent)
				if log != row.Log {
					t.Errorf("the log reads %s, want %s", log, row.Log)
				}
				if promises != row.Promises {
					t.Errorf("promises ran as %s, want %s", promises, row.Promises)
				}
			})
		}
	}
}

// reorder returns what the log reads in the end, and in which order the promises
// ran, of all but W.
func reorder(t *testing.T, trigger trigger, idempotent bool) (log, promises string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var (
		sent     = make(chan struct{}) // W, to the broker
		buffered = make(chan struct{}) // A and B, in the client
		purges   = make(purges, 8)
		held     = make(chan struct{}) // the goroutine that calls promises
		release  = make(chan struct{}) // likewise
		promised = make(chan promise, 8)
	)
	cluster := broker(t, ctx, trigger, sent, buffered)
	cl := client(t, cluster, trigger.options(idempotent, purges)...)
	produce := func(ctx context.Context, r *kgo.Record) {
		cl.Produce(ctx, r, func(r *kgo.Record, err error) { promised <- promise{string(r.Key), err} })
	}
	produceAB := func() {
		ctxA, cancelA := context.WithCancel(ctx)
		t.Cleanup(cancelA)
		a := record("A")
		if trigger.mark != nil {
			trigger.mark(a)
		}
		produce(ctxA, a)
		produce(ctx, record("B"))
		if trigger.cancel {
			cancelA()
		}
	}

	cl.Produce(ctx, record("W"), func(*kgo.Record, error) {
		close(held)
		select {
		case <-release:
		case <-ctx.Done():
		}
	})
	receive(t, ctx, sent, "W was not sent")
	if trigger.purges() {
		produceAB()
		close(buffered)
		if batches := receive(t, ctx, purges, "nothing was purged"); batches != 1 {
			t.Fatalf("vacuous: A and B were in %d batches, want 1", batches)
		}
	} else { // A fails before it is in any buffer, so its promise is called as soon as it can be.
		close(buffered)
		receive(t, ctx, held, "the promise of W was not called")
		produceAB()
	}
	produce(ctx, record("C"))
	reader := &reader{client(t, cluster, kgo.ConsumeTopics(topic)), nil}
	reader.until(t, ctx, func() bool { return slices.Contains(reader.keys, "C") }, "C was not written while the promises were held up")
	if len(purges) > 0 || len(promised) > 0 {
		t.Fatalf("vacuous: %d more purges, and %d promises that ran early", len(purges), len(promised))
	}
	close(release)

	var ran []string
	for acked := 0; acked < 3; {
		p := receive(t, ctx, promised, fmt.Sprint("promises ran as ", ran))
		ran = append(ran, p.String())
		switch {
		case p.err == nil:
			acked++
		case !errors.Is(p.err, trigger.fails):
			t.Fatalf("vacuous: %s fails with %v, want %v", p.key, p.err, trigger.fails)
		default:
			produce(ctx, record(p.key))
		}
	}
	end := cluster.PartitionInfo(topic, 0).HighWatermark
	reader.until(t, ctx, func() bool { return len(reader.keys) == int(end) }, "the log cannot be read")
	if reader.keys[0] != "W" {
		t.Fatalf("vacuous: the log reads %v, want W first", reader.keys)
	}
	return strings.Join(reader.keys[1:], " "), strings.Join(ran, " ")
}

// promise is what a promise was called with.
type promise struct {
	key string
	err error
}

func (p promise) String() string {
	if p.err != nil {
		return p.key + "-"
	}
	return p.key + "+"
}

// purges is a logger of the client that tells of failAllRecords, and of how many
// batches it fails. That logs while it holds recBuf.mu, so a record which is
// produced as soon as this is known comes into the buffer after the purge.
type purges chan int

func (p purges) Level() kgo.LogLevel { return kgo.LogLevelDebug }

func (p purges) Log(_ kgo.LogLevel, _ string, keyvals ...any) {
	i := slices.Index(keyvals, any("pending_batches"))
	if i < 0 || !calledBy(".failAllRecords") {
		return
	}
	select {
	case p <- keyvals[i+1].(int):
	default: // The client was closed, which purges again.
	}
}

// calledBy says whether a function is among the callers.
func calledBy(name string) bool {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, name) {
			return true
		}
		if !more {
			return false
		}
	}
}

// broker answers the first request of the producer, which has W, only when A and
// B are buffered: one request is in flight until then, idempotent or not. The next
// are refused as the trigger has it.
func broker(t *testing.T, ctx context.Context, trigger trigger, sent chan<- struct{}, buffered <-chan struct{}) *kfake.Cluster {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	requests := 0
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		requests++
		switch {
		case requests == 1:
			close(sent)
			select {
			case <-buffered:
			case <-ctx.Done():
			}
		case requests <= 1+trigger.times:
			return refuse(r.(*kmsg.ProduceRequest), trigger.code), nil, true
		}
		return nil, nil, false
	})
	if trigger.load != nil {
		loaded, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client(t, cluster))
		if err != nil {
			t.Fatal(err)
		}
		loaded.Topics[0].Partitions[0].ErrorCode = trigger.load.Code
		cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
			loaded.SetVersion(r.GetVersion())
			return loaded, nil, requests > trigger.times
		})
	}
	return cluster
}

// refuse answers that nothing of the request was written.
func refuse(request *kmsg.ProduceRequest, code *kerr.Error) *kmsg.ProduceResponse {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, of := range request.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = of.Topic, of.TopicID
		for _, of := range of.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode, partition.BaseOffset = of.Partition, code.Code, -1
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

func client(t *testing.T, cluster *kfake.Cluster, options ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append(options, kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.MetadataMinAge(10*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// receive awaits what the rest of a test rests on.
func receive[T any](t *testing.T, ctx context.Context, from <-chan T, otherwise string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatalf("vacuous: %s within %v", otherwise, patience)
		panic("unreachable")
	}
}

// reader reads the log.
type reader struct {
	*kgo.Client
	keys []string
}

func (r *reader) until(t *testing.T, ctx context.Context, done func() bool, otherwise string) {
	t.Helper()
	for !done() {
		fetches := r.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("vacuous: %s within %v: the log reads %v", otherwise, patience, r.keys)
		}
		fetches.EachRecord(func(record *kgo.Record) { r.keys = append(r.keys, string(record.Key)) })
	}
}
