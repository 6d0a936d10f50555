// Package franzgo holds what released franz-go is asked: go test runs each body
// once, witness explores it.
package franzgo

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

// trigger makes A fail, the first time that it is produced.
type trigger struct {
	options []kgo.Opt
	code    *kerr.Error       // the broker's answer to a batch with A,
	times   int               // and how often it gives it
	load    *kerr.Error       // the metadata's error for the partition after that, once
	mark    func(*kgo.Record) // does to A what makes it fail
	cancel  bool              // the context of A, when B is in the buffer
}

const (
	topic     = "orders"
	batchSize = 1 << 10
	answered  = 100 * time.Millisecond // after which the record before A and B is
)

// promise is what a promise was called with.
type promise struct {
	key string
	err error
}

// reorder produces A, B and C. What fails is produced again, in the order in which
// promises tell of it, and before anything that comes later: so says the
// application, and the log must agree. paused lets it wait for the promises of A and
// B before it produces C.
func reorder(w *witness.T, tr trigger, paused bool) {
	var (
		client   *kgo.Client
		log      []string // keys, in the order in which the broker first took them
		promised = make(chan promise, 16)
		sent     = make(chan bool) // X, to the broker
	)
	witness.Calm(func() {
		b := kafka.New(w, topic, 1)
		refused := 0
		b.On(kmsg.Produce, func(r kmsg.Request) kmsg.Response {
			request := r.(*kmsg.ProduceRequest)
			keys := keysOf(w, request)
			if slices.Contains(keys, "X") {
				close(sent)
				b.Delay(answered)
			}
			if slices.Contains(keys, "A") && refused < tr.times {
				refused++
				return kafka.Answer(request, tr.code)
			}
			for _, key := range keys {
				if !slices.Contains(log, key) {
					log = append(log, key)
				}
			}
			return nil
		})
		options := []kgo.Opt{
			kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.DialContext), kgo.DefaultProduceTopic(topic),
			kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(batchSize), kgo.ProducerBatchCompression(kgo.NoCompression()),
			kgo.DisableIdempotentWrite(), kgo.MetadataMinAge(10 * time.Millisecond),
		}
		var err error
		if client, err = kgo.NewClient(append(options, tr.options...)...); err != nil {
			w.Fatal(err)
		}
		w.Cleanup(client.Close)
		if tr.load != nil {
			failMetadata(w, b, client, tr.load, func() bool { return refused == tr.times })
		}
		// The connections are there, and the partition's leader is known. While X is in
		// flight, A and B gather in one batch.
		if err := client.ProduceSync(w.Context(), &kgo.Record{Key: []byte("W")}).FirstErr(); err != nil {
			w.Fatal(err)
		}
		client.Produce(context.Background(), &kgo.Record{Key: []byte("X")}, nil)
		<-sent
	})
	produce := func(ctx context.Context, key string, mark func(*kgo.Record)) {
		record := &kgo.Record{Key: []byte(key)}
		if mark != nil {
			mark(record)
		}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) { promised <- promise{key, err} })
	}
	acked := 0
	again := func(p promise) {
		if p.err == nil {
			acked++
			return
		}
		w.Logf("%s failed: %v", p.key, p.err)
		produce(context.Background(), p.key, nil)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	produce(ctx, "A", tr.mark)
	produce(context.Background(), "B", nil)
	if tr.cancel {
		cancel()
	}
	for paused && acked < 2 {
		again(<-promised)
	}
	time.Sleep(answered) // C comes about when A and B fail.
	for len(promised) > 0 {
		again(<-promised)
	}
	produce(context.Background(), "C", nil)
	for acked < 3 {
		again(<-promised)
	}
	if got := strings.Join(log[2:], " "); got != "A B C" {
		w.Errorf("the log reads %s, the application submitted A B C", got)
	}
}

// keysOf lists the keys of the records of a request.
func keysOf(w *witness.T, request *kmsg.ProduceRequest) (keys []string) {
	records, err := kafka.Records(request)
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range records {
		keys = append(keys, string(r.Key))
	}
	return keys
}

// failMetadata answers a request for metadata with an error for the partition, once,
// as soon as it is time.
func failMetadata(w *witness.T, b *kafka.Broker, client *kgo.Client, code *kerr.Error, now func() bool) {
	loaded, err := kmsg.NewPtrMetadataRequest().RequestWith(w.Context(), client)
	if err != nil {
		w.Fatal(err)
	}
	loaded.Topics[0].Partitions[0].ErrorCode = code.Code
	done := false
	b.On(kmsg.Metadata, func(r kmsg.Request) kmsg.Response {
		if done || !now() {
			return nil
		}
		done = true
		loaded.SetVersion(r.GetVersion())
		return loaded
	})
}

// Goal: A is refused for good, and what the application submitted stays in order.
//
// Race: produce-reorder first-appends-keep-the-order invalid-record-plain
func TestReorderInvalidRecord(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { reorder(w, trigger{code: kerr.InvalidRecord, times: 1}, false) })
}

// Goal: the same, when retries run out.
//
// Race: produce-reorder first-appends-keep-the-order retries-plain
func TestReorderRetries(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		reorder(w, trigger{options: []kgo.Opt{kgo.RecordRetries(2)}, code: kerr.NotLeaderForPartition, times: 3}, false)
	})
}

// Goal: the same, when A is too old to be delivered.
//
// Race: produce-reorder first-appends-keep-the-order timeout-plain
func TestReorderTimeout(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		reorder(w, trigger{
			options: []kgo.Opt{kgo.RecordDeliveryTimeout(time.Hour)},
			mark:    func(a *kgo.Record) { a.Timestamp = time.Now().Add(-2 * time.Hour) },
		}, false)
	})
}

// Goal: the same, when the metadata says that the partition cannot be written.
//
// Race: produce-reorder first-appends-keep-the-order metadata-plain
func TestReorderMetadata(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		reorder(w, trigger{code: kerr.NotLeaderForPartition, times: 1, load: kerr.TopicAuthorizationFailed}, false)
	})
}

// Goal: the same, when the context of A is cancelled.
//
// Race: produce-reorder first-appends-keep-the-order cancelled-plain
func TestReorderCancelled(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { reorder(w, trigger{cancel: true}, false) })
}

// Goal: the same, when A is too large for the client, which takes B all the same.
//
// Race: produce-reorder first-appends-keep-the-order too-large-plain
func TestReorderTooLarge(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		reorder(w, trigger{mark: func(a *kgo.Record) { a.Value = make([]byte, 2*batchSize) }}, false)
	})
}

// Goal: an application that awaits the promises of A and B before it goes on has its
// records in order.
//
// Race: produce-reorder first-appends-keep-the-order invalid-record-plain pause-partition
func TestReorderPaused(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { reorder(w, trigger{code: kerr.InvalidRecord, times: 1}, true) })
}
