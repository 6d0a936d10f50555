// Package kafkago holds what released kafka-go is asked: go test runs each body once,
// witness explores it.
package kafkago

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	broker "racelab/witness/kafka"
)

const topic = "orders"

// Goal: a record of which WriteMessages says that it failed is not written after that
// (#1427: the context ends the wait, and the batch stays queued).
//
// Race: error-then-delivered failed-record-stays-out one unfixed
func TestWrittenAfterAll(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var writer *kafka.Writer
		written := 0
		witness.Calm(func() {
			b := broker.New(w, topic, 1)
			b.On(kmsg.Produce, func(kmsg.Request) kmsg.Response {
				written++
				return nil
			})
			writer = &kafka.Writer{
				Addr: kafka.TCP(b.ListenAddrs()...), Topic: topic, RequiredAcks: kafka.RequireAll,
				BatchTimeout: 10 * time.Millisecond, Transport: &kafka.Transport{Dial: b.DialContext},
			}
			// The connections are there, and the partition's leader is known.
			if err := writer.WriteMessages(w.Context(), kafka.Message{Value: []byte("W")}); err != nil {
				w.Fatal(err)
			}
			written = 0
		})
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		err := writer.WriteMessages(ctx, kafka.Message{Value: []byte("A")})
		if closed := writer.Close(); closed != nil {
			w.Fatal(closed)
		}
		if err != nil && written > 0 {
			w.Errorf("WriteMessages says %v, and the record was written", err)
		}
	})
}

// Goal: a Reader that was closed has left its group, although another member joined while
// it did (#1307).
//
// Race: close-hangs closed-member-has-left once kafka-go
func TestCloseHangs(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		var reader *kafka.Reader
		var left, refused bool
		syncing := make(chan bool, 1)
		witness.Calm(func() {
			b := broker.New(w, topic, 1)
			b.On(kmsg.LeaveGroup, func(kmsg.Request) kmsg.Response {
				left = true
				return nil
			})
			b.On(kmsg.SyncGroup, func(r kmsg.Request) kmsg.Response {
				if refused {
					return nil
				}
				refused = true
				syncing <- true
				b.Delay(100 * time.Millisecond)
				return broker.Answer(r, kerr.RebalanceInProgress)
			})
			reader = kafka.NewReader(kafka.ReaderConfig{
				Brokers: b.ListenAddrs(), GroupID: "group", Topic: topic,
				Dialer: &kafka.Dialer{ClientID: "reader", DialFunc: b.DialContext, Timeout: 10 * time.Second},
			})
		})
		<-syncing
		if err := reader.Close(); err != nil {
			w.Fatal(err)
		}
		if !left {
			w.Error("Close has returned, and the member is still in its group")
		}
	})
}
