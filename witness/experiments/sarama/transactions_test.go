package sarama

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"racelab/witness"
	"racelab/witness/kafka"
)

// transactions sends a record in each of three transactions, of which the coordinator
// needs so long to complete each. Where a transaction fails, it is aborted, and the next
// one begins. failed says that the first record is refused for good.
func transactions(w *witness.T, lag time.Duration, failed bool, set func(*sarama.Config)) {
	var producer sarama.SyncProducer
	witness.Calm(func() {
		b := kafka.New(w, topic, 1)
		b.Markers(lag)
		refused := !failed
		b.On(kmsg.Produce, func(r kmsg.Request) kmsg.Response {
			if !refused {
				refused = true
				return kafka.Answer(r, kerr.MessageTooLarge)
			}
			return kafka.Answer(r, nil)
		})
		c := config(b)
		c.Version = sarama.V2_5_0_0 // from which a failed transaction asks for a new epoch
		c.Producer.Return.Successes = true
		c.Producer.Idempotent = true
		c.Producer.RequiredAcks = sarama.WaitForAll
		c.Producer.Transaction.ID = "tx"
		c.Net.MaxOpenRequests = 1
		set(c)
		var err error
		if producer, err = sarama.NewSyncProducer(b.ListenAddrs(), c); err != nil {
			w.Fatal(err)
		}
	})
	for i := range 3 {
		if err := producer.BeginTxn(); err != nil {
			w.Fatalf("transaction %d: BeginTxn after an AbortTxn that succeeded: %v", i+1, err)
		}
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("x")})
		if err == nil {
			err = producer.CommitTxn()
		}
		if err == nil {
			continue
		}
		if lag < time.Second && !(failed && i == 0) {
			w.Fatalf("transaction %d fails of a delay of %v: %v", i+1, lag, err)
		}
		w.Log("the transaction fails:", err)
		if err := producer.AbortTxn(); err != nil {
			if producer.TxnStatus()&sarama.ProducerTxnFlagFatalError != 0 {
				w.Fatalf("a delay of %v is fatal to the producer: %v", lag, err)
			}
			w.Log("AbortTxn says so, and the application can act:", err)
			return
		}
	}
}

// Goal: with Sarama's defaults, a coordinator that needs 50 ms to complete a transaction
// fails none.
//
// Race: concurrent-transactions commits-make-progress 50ms
func TestTransactionsShortWindow(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		transactions(w, 50*time.Millisecond, false, func(*sarama.Config) {})
	})
}

// Goal: after an AbortTxn that succeeded, BeginTxn is allowed, where 5 s outlast all
// retries of the defaults.
//
// Race: concurrent-transactions abort-allows-begin 5s
func TestTransactionsLongWindow(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		transactions(w, 5*time.Second, false, func(*sarama.Config) {})
	})
}

// Goal: the same, where retries are few.
//
// Race: concurrent-transactions abort-allows-begin short-backoff
func TestTransactionsFewRetries(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		transactions(w, 2*time.Second, false, func(c *sarama.Config) {
			c.Producer.Transaction.Retry.Max, c.Producer.Transaction.Retry.Backoff = 1, time.Millisecond
		})
	})
}

// Goal: a delay of the coordinator is not fatal to a producer that has aborted a
// transaction, because a record was too large.
//
// Race: concurrent-transactions delay-is-never-fatal too-large-50ms
func TestTransactionsFailedRecord(t *testing.T) {
	witness.Explore(t, func(w *witness.T) {
		transactions(w, 50*time.Millisecond, true, func(*sarama.Config) {})
	})
}
