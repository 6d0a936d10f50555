package franzgo

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

// member joins a group and awaits its partition, of which some records can be read.
func member(w *witness.T, b *kafka.Broker, records int, options ...kgo.Opt) *kgo.Client {
	assigned := make(chan bool, 1)
	common := []kgo.Opt{
		kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.DialContext), kgo.DefaultProduceTopic(topic), kgo.DisableIdempotentWrite(),
		kgo.ConsumerGroup("group"), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned <- true }),
	}
	client, err := kgo.NewClient(append(common, options...)...)
	if err != nil {
		w.Fatal(err)
	}
	for range records {
		if err := client.ProduceSync(w.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
			w.Fatal(err)
		}
	}
	<-assigned
	return client
}

// Goal: offsets that a client commits never go back, where autocommits go on beside two
// commits of the application, of which each is answered 100 ms later.
//
// Race: rewind-again committed-offset-never-rewinds overlap
func TestRewindAgain(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var client *kgo.Client
		witness.Calm(func() {
			b := kafka.New(w, topic, 1)
			var committed int64
			b.On(kmsg.OffsetCommit, func(r kmsg.Request) kmsg.Response {
				offset := r.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0].Offset
				if offset < committed {
					w.Errorf("the committed offset went back from %d to %d", committed, offset)
				}
				committed = offset
				b.Delay(100 * time.Millisecond)
				return nil
			})
			client = member(w, b, 4, kgo.AutoCommitInterval(100*time.Millisecond))
			w.Cleanup(client.Close)
		})
		commits := make(chan error, 2)
		for i := range 3 {
			fetches := client.PollRecords(w.Context(), 1)
			if err := fetches.Err(); err != nil {
				w.Fatal(err)
			}
			if i == 1 {
				continue
			}
			last := fetches.Records()[0]
			next := kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1}
			client.CommitOffsets(context.Background(), map[string]map[int32]kgo.EpochOffset{topic: {0: next}},
				func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
					commits <- err
				})
		}
		for range cap(commits) {
			if err := <-commits; err != nil {
				w.Log("a commit fails:", err)
			}
		}
		time.Sleep(300 * time.Millisecond) // for an autocommit
	})
}

// Goal: Close returns, although another member joins or leaves each time that this one
// syncs (#1500).
//
// Race: close-hangs close-ends rolling
func TestCloseHangs(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var client *kgo.Client
		witness.Calm(func() {
			b := kafka.New(w, topic, 1)
			client = member(w, b, 0)
			b.On(kmsg.Heartbeat, func(r kmsg.Request) kmsg.Response { return kafka.Answer(r, kerr.RebalanceInProgress) })
			b.On(kmsg.SyncGroup, func(r kmsg.Request) kmsg.Response {
				b.Delay(15 * time.Second)
				return kafka.Answer(r, kerr.RebalanceInProgress)
			})
			time.Sleep(4 * time.Second) // The first heartbeat has said so, and the member joins again.
		})
		client.Close()
	})
}
