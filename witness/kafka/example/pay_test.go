package pay

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"racelab/witness"
	"racelab/witness/kafka"
)

// payOnce pays once, while one thing may go wrong with a Produce request, and reads
// what the topic has.
func payOnce(w *witness.T, options ...kgo.Opt) {
	b := kafka.New(w, "payments", 1)
	w.Faults(1, "Produce")
	options = append(options, kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.DialContext),
		kgo.DefaultProduceTopic("payments"), kgo.ConsumeTopics("payments"))
	client, err := kgo.NewClient(options...)
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	if err := Pay(w.Context(), client, "p1"); err != nil {
		w.Log("Pay says:", err)
		return
	}
	ctx, cancel := context.WithTimeout(w.Context(), 500*time.Millisecond)
	defer cancel()
	records := 0
	for ctx.Err() == nil {
		records += client.PollFetches(ctx).NumRecords()
	}
	if records != 1 {
		w.Errorf("one payment, and the topic has %d", records)
	}
}

// A producer that is not idempotent writes a record again when it got no answer.
func TestPay(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { payOnce(w, kgo.DisableIdempotentWrite()) })
}

func TestPayIdempotent(t *testing.T) {
	witness.Explore(t, func(w *witness.T) { payOnce(w) })
}
