// Package kafkago holds what released kafka-go is asked: go test runs each body once,
// witness explores it.
package kafkago

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	broker "racelab/witness/kafka"
)

const topic = "orders"

// Goal: a record of which WriteMessages says that it failed is not written after that
// (#1427: the context ends the wait, and the batch stays queued).
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
