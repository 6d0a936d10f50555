package sarama

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

// retries is what became of messages of one partition.
type retries struct {
	written []string // as the broker took them first
	newest  int64    // how many there are in the topic
	acked   []string
	failed  []error
	silent  int // messages without an outcome after a minute
}

// produce hands over some messages. The broker refuses the first one so many times.
func produce(w *witness.T, messages []string, refusals int, set func(*sarama.Config)) (r retries) {
	var client sarama.Client
	var producer sarama.AsyncProducer
	witness.Calm(func() {
		b := kafka.New(w, topic, 1)
		b.On(kmsg.Produce, func(request kmsg.Request) kmsg.Response {
			records, err := kafka.Records(request.(*kmsg.ProduceRequest))
			if err != nil {
				w.Fatal(err)
			}
			var values []string
			for _, record := range records {
				values = append(values, string(record.Value))
			}
			if refusals > 0 && slices.Contains(values, messages[0]) {
				refusals--
				return kafka.Answer(request, kerr.NotLeaderForPartition)
			}
			for _, value := range values {
				if !slices.Contains(r.written, value) {
					r.written = append(r.written, value)
				}
			}
			return nil
		})
		c := config(b)
		c.Producer.Return.Successes = true
		c.Producer.RequiredAcks = sarama.WaitForAll
		c.Producer.Flush.MaxMessages = 1
		c.Producer.Retry.Backoff = 10 * time.Millisecond
		c.Net.MaxOpenRequests = 1
		set(c)
		var err error
		if client, err = sarama.NewClient(b.ListenAddrs(), c); err != nil {
			w.Fatal(err)
		}
		if producer, err = sarama.NewAsyncProducerFromClient(client); err != nil {
			w.Fatal(err)
		}
	})
	for _, message := range messages {
		producer.Input() <- &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(message)}
	}
	r.silent = len(messages)
	for late := time.After(time.Minute); r.silent > 0; r.silent-- {
		select {
		case m := <-producer.Successes():
			r.acked = append(r.acked, string(m.Value.(sarama.StringEncoder)))
			continue
		case err := <-producer.Errors():
			r.failed = append(r.failed, err)
			continue
		case <-late:
		}
		return r
	}
	if err := producer.Close(); err != nil {
		w.Fatal(err)
	}
	newest, err := client.GetOffset(topic, 0, sarama.OffsetNewest)
	if err != nil {
		w.Fatal(err)
	}
	r.newest = newest
	return r
}

func idempotent(c *sarama.Config) { c.Producer.Idempotent = true }

// Goal: messages are written in the order in which they were handed over, although the
// first one is refused once; MaxOpenRequests is 1 (#2619, #2860).
//
// Race: retry-order first-appends-keep-the-order plain
func TestRetryOrder(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		r := produce(w, []string{"1", "2"}, 1, func(*sarama.Config) {})
		if got := strings.Join(r.written, " "); len(r.failed) == 0 && got != "1 2" {
			w.Errorf("the topic has %s, the application handed over 1 2", got)
		}
	})
}

// Goal: what an idempotent producer says is delivered is in the topic, whatever goes
// wrong with one request (#3354).
//
// Runs: 600, as one fault of the run and an order have to meet
// Race: retry-order no-record-is-lost idempotent
func TestRetryAcknowledged(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		w.Faults(1, "Produce")
		r := produce(w, []string{"1", "2", "3", "4"}, 0, idempotent)
		if r.silent == 0 && int64(len(r.acked)) > r.newest {
			w.Errorf("%s are acknowledged, and the topic has %d", strings.Join(r.acked, " "), r.newest)
		}
	})
}

// Goal: a fault that passes sooner than retries run out fails no message of an
// idempotent producer.
//
// Race: retry-order a-passing-fault-fails-nothing idempotent
func TestRetryPassingFault(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		r := produce(w, []string{"1", "2", "3"}, 1, idempotent)
		if len(r.failed) > 0 {
			w.Errorf("the broker refused a message once, and %d failed: %v", len(r.failed), r.failed[0])
		}
	})
}

// Goal: after a message has failed for good, the next one still gets its outcome (#3689).
//
// Race: retry-order no-progress exhausted
func TestRetryExhausted(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		r := produce(w, []string{"1", "2"}, 2, func(c *sarama.Config) {
			idempotent(c)
			c.Producer.Retry.Max = 1
		})
		if r.silent > 0 {
			w.Errorf("%d of 2 messages have no outcome after a minute", r.silent)
		}
	})
}

// Goal: every message has its outcome within a minute, whatever goes wrong with one
// request.
//
// Runs: 600, as one fault of the run and an order have to meet
// Race: retry-order no-progress lost-idempotent
func TestRetryAnyFault(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		w.Faults(1, "Produce")
		if r := produce(w, []string{"1", "2", "3", "4"}, 0, idempotent); r.silent > 0 {
			w.Errorf("%d of 4 messages have no outcome after a minute", r.silent)
		}
	})
}
