package franzgo

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"racelab/witness"
	"racelab/witness/kafka"
)

// abortInside commits a transaction, begins the next one, and aborts it after 50 ms,
// while the coordinator, which needs 505 ms to complete the first, still refuses its
// record. flush waits for the record before that; load is an error that the metadata
// has for the partition after 30 ms. A third transaction must be possible.
func abortInside(w *witness.T, flush bool, load *kerr.Error) {
	var client *kgo.Client
	ctx := context.Background()
	step := func(what string, err error) {
		if err != nil {
			w.Fatalf("%s: %v", what, err)
		}
	}
	fail := false
	witness.Calm(func() {
		b := kafka.New(w, topic, 1)
		b.Markers(505 * time.Millisecond)
		var err error
		client, err = kgo.NewClient(
			kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.DialContext), kgo.DefaultProduceTopic(topic),
			kgo.TransactionalID("tx"), kgo.MaxVersions(kversion.V3_7_0()), kgo.MetadataMinAge(10*time.Millisecond), // TV1
		)
		step("NewClient", err)
		w.Cleanup(client.Close)
		if load != nil {
			failMetadata(w, b, client, load, func() bool { return fail })
		}
		step("BeginTransaction", client.BeginTransaction())
		step("Produce", client.ProduceSync(ctx, kgo.StringRecord("1")).FirstErr())
		step("commit", client.EndTransaction(ctx, kgo.TryCommit))
	})
	step("BeginTransaction", client.BeginTransaction())
	client.Produce(ctx, kgo.StringRecord("2"), nil)
	if load != nil {
		time.Sleep(30 * time.Millisecond)
		fail = true
		client.ForceMetadataRefresh()
		time.Sleep(20 * time.Millisecond)
	} else {
		time.Sleep(50 * time.Millisecond)
	}
	if flush {
		step("Flush", client.Flush(ctx))
	}
	if err := client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		w.Log("abort:", err)
	}
	step("BeginTransaction after an abort inside the window", client.BeginTransaction())
	step("Produce after an abort inside the window", client.ProduceSync(ctx, kgo.StringRecord("3")).FirstErr())
	step("commit after an abort inside the window", client.EndTransaction(ctx, kgo.TryCommit))
}

// Goal: a slow coordinator is not fatal to a client that aborts without waiting for its
// record.
//
// Race: concurrent-transactions delay-is-never-fatal abort-inside
// Since: v1.22.0, the broker of older releases, an older kfake, has no transactions
func TestAbortInside(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { abortInside(w, false, nil) })
}

// Goal: nor to one that flushes first.
//
// Race: concurrent-transactions delay-is-never-fatal abort-flushed
// Since: v1.22.0, the broker of older releases, an older kfake, has no transactions
func TestAbortFlushed(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { abortInside(w, true, nil) })
}

// Goal: nor if the metadata fails the record meanwhile (#1534).
//
// Race: concurrent-transactions delay-is-never-fatal abort-load-error
// Since: v1.22.0, the broker of older releases, an older kfake, has no transactions
func TestAbortLoadError(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { abortInside(w, true, kerr.TopicAuthorizationFailed) })
}
