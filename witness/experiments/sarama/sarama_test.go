// Package sarama holds what released Sarama is asked: go test runs each body once,
// witness explores it.
package sarama

import (
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

const topic = "orders"

// config is Sarama's default, but for the network and for what goes on by itself in
// the background: a refresh of the metadata, and meters.
func config(b *kafka.Broker) *sarama.Config {
	metrics.UseNilMetrics = true
	c := sarama.NewConfig()
	c.Version = sarama.V2_3_0_0
	c.ApiVersionsRequest = false
	c.Metadata.RefreshFrequency = 0
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Net.Proxy.Enable = true
	c.Net.Proxy.Dialer = b
	return c
}

// commits is a coordinator that keeps what it was told last, and answers each
// n-th commit NOT_COORDINATOR, if n is not 0. Without that, no offset goes back.
func commits(w *witness.T, b *kafka.Broker, n int) {
	committed := map[int32]int64{}
	b.On(kmsg.OffsetFetch, func(r kmsg.Request) kmsg.Response {
		response := kafka.Answer(r, nil).(*kmsg.OffsetFetchResponse)
		for _, topic := range response.Topics {
			for i := range topic.Partitions {
				p := &topic.Partitions[i]
				p.Offset = committed[p.Partition]
			}
		}
		return response
	})
	asked := 0
	b.On(kmsg.OffsetCommit, func(r kmsg.Request) kmsg.Response {
		if asked++; n > 0 && asked%n == 0 {
			return kafka.Answer(r, kerr.NotCoordinator)
		}
		for _, topic := range r.(*kmsg.OffsetCommitRequest).Topics {
			for _, p := range topic.Partitions {
				if before := committed[p.Partition]; n == 0 && p.Offset < before {
					w.Errorf("the committed offset of P%d went back from %d to %d", p.Partition, before, p.Offset)
				}
				committed[p.Partition] = p.Offset
			}
		}
		return kafka.Answer(r, nil)
	})
}

// markAndCommit lets one goroutine a partition mark and commit.
func markAndCommit(w *witness.T, partitions, times, notCoordinator int) {
	var om sarama.OffsetManager
	var poms []sarama.PartitionOffsetManager
	witness.Calm(func() {
		b := kafka.New(w, topic, int32(partitions))
		commits(w, b, notCoordinator)
		client, err := sarama.NewClient(b.ListenAddrs(), config(b))
		if err != nil {
			w.Fatal(err)
		}
		if om, err = sarama.NewOffsetManagerFromClient("group", client); err != nil {
			w.Fatal(err)
		}
		for p := range partitions {
			pom, err := om.ManagePartition(topic, int32(p))
			if err != nil {
				w.Fatal(err)
			}
			poms = append(poms, pom)
		}
	})
	var all sync.WaitGroup
	for p, pom := range poms {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range times {
				pom.MarkOffset(int64(10*p+i+11), "")
				om.Commit()
			}
		}()
	}
	all.Wait()
}

// Goal: a committed offset never goes back.
//
// Lane G0: markAndCommit.func
// Lane G1: markAndCommit.func:2
// Step mark: partitionOffsetManager.MarkOffset Lock
// Step construct request: offsetManager.constructRequest RLock
// Step snapshot: offsetManager.constructRequest Lock
// Step coordinator: offsetManager.coordinator RLock
// Step send: Broker.sendAndReceive Lock to end.Write write
// Step OffsetCommit: Broker.sendAndReceive Lock to end.Write write
// Step await response: offsetManager.handleResponse RLock
// Step handle response: offsetManager.handleResponse RLock
// Step update committed: partitionOffsetManager.updateCommitted Lock
// Step release poms: offsetManager.releasePOMs Lock
//
// Race: offset-rewind committed-offset-never-rewinds 2x2
func TestRewind(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { markAndCommit(w, 2, 2, 0) })
}

// Goal: commits end, though the coordinator answers every second one
// NOT_COORDINATOR (#3191).
//
// Race: offset-rewind no-deadlock four-committers
func TestDeadlock(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { markAndCommit(w, 6, 2, 2) })
}

// Goal: a producer that is throttled twice delivers all it was given (#2823).
//
// Race: throttle-stall every-message-is-delivered untimed
func TestThrottle(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var producer sarama.AsyncProducer
		witness.Calm(func() {
			b := kafka.New(w, topic, 1)
			answers := 0
			b.On(kmsg.Produce, func(r kmsg.Request) kmsg.Response {
				response := kafka.Answer(r, nil).(*kmsg.ProduceResponse)
				if answers++; answers <= 2 {
					response.ThrottleMillis = 200
				}
				if answers == 2 { // while the client waits for what the first one said
					b.Delay(100 * time.Millisecond)
				}
				return response
			})
			c := config(b)
			c.Producer.Return.Successes = true
			c.Producer.Flush.MaxMessages = 1
			var err error
			if producer, err = sarama.NewAsyncProducer(b.ListenAddrs(), c); err != nil {
				w.Fatal(err)
			}
		})
		send := func(value string) {
			producer.Input() <- &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)}
		}
		await := func() {
			select {
			case <-producer.Successes():
			case err := <-producer.Errors():
				w.Error(err)
			}
		}
		send("1")
		send("2")
		await()
		send("3")
		await()
		await()
	})
}
