package franzgo

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

// Goal: a record of which an idempotent producer says that it is delivered is in the topic,
// although an answer may be lost and the leader moves then: it refuses A when it comes again
// (#1484).
//
// Race: delivered-unwritten no-record-is-lost retries
func TestDeliveredUnwritten(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		w.Faults(1, "Produce")
		var client *kgo.Client
		var seeds []kgo.Opt
		witness.Calm(func() {
			b := kafka.New(w, topic, 1)
			seeds = []kgo.Opt{kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.DialContext)}
			came := 0 // requests with A
			b.On(kmsg.Produce, func(r kmsg.Request) kmsg.Response {
				request := r.(*kmsg.ProduceRequest)
				if !slices.Contains(keysOf(w, request), "A") {
					return nil
				}
				if came++; came == 2 {
					return kafka.Answer(request, kerr.NotLeaderForPartition)
				}
				return nil
			})
			var err error
			client, err = kgo.NewClient(append(seeds, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0),
				kgo.RecordRetries(1), kgo.MetadataMinAge(10*time.Millisecond))...)
			if err != nil {
				w.Fatal(err)
			}
			w.Cleanup(client.Close)
		})
		var delivered []string
		for _, key := range []string{"A", "B"} {
			err := client.ProduceSync(context.Background(), &kgo.Record{Key: []byte(key)}).FirstErr()
			if err == nil {
				delivered = append(delivered, key)
			} else {
				w.Logf("%s failed: %v", key, err)
			}
		}
		var log []string
		witness.Calm(func() { log = readAll(w, seeds) })
		for _, key := range delivered {
			if !slices.Contains(log, key) {
				w.Errorf("%s is delivered, and the topic has %v", key, log)
			}
		}
	})
}

// readAll lists the keys of what is in the topic.
func readAll(w *witness.T, seeds []kgo.Opt) (keys []string) {
	client, err := kgo.NewClient(append(seeds, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))...)
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	for end := int64(1); int64(len(keys)) < end; {
		client.PollFetches(w.Context()).EachPartition(func(p kgo.FetchTopicPartition) {
			end = p.HighWatermark
			for _, r := range p.Records {
				keys = append(keys, string(r.Key))
			}
		})
	}
	return keys
}
