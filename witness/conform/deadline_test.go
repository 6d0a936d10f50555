package conform

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"racelab/scenarios/concurrenttransactions"
)

// Goal: a context of EndTransaction that ends inside the window fails the client for
// good with CONCURRENT_TRANSACTIONS. If it outlasts the window, EndTransaction ends under
// TV1 with INVALID_TXN_STATE, which is as final, unless the record's partition was added
// before; under TV2 it ends well. Method: no model. A transaction is committed; inside its
// window the next one is aborted, whose record is still refused.
func TestKgoDeadlineOfEndTransaction(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		window := time.Duration(rapid.IntRange(2, 900).Draw(r, "window"))*ms + 500*time.Microsecond
		after := time.Duration(rapid.IntRange(1, int(window/ms)).Draw(r, "after"))*ms + 250*time.Microsecond
		timeout := time.Duration(rapid.IntRange(0, 1200).Draw(r, "timeout"))*ms + 125*time.Microsecond
		tv2 := rapid.Bool().Draw(r, "TV2")
		// The record's partition is asked for every 20 ms, and so is the end.
		const every = 20 * ms
		adds := (window + every - 1) / every * every
		ends := after + (window-after+every-1)/every*every
		var want error
		switch {
		case after+timeout < ends:
			want = kerr.ConcurrentTransactions
		case !tv2 && ends < adds:
			want = kerr.InvalidTxnState
		}
		var aborted, begun error
		synctest.Test(t, func(*testing.T) { aborted, begun = deadlineOfAbort(window, after, timeout, tv2) })
		if !errors.Is(aborted, want) || (begun == nil) != (want == nil) {
			r.Fatalf("franz-go %s: with a window of %v, an abort after %v and a deadline %v later EndTransaction says %v, and BeginTransaction %v; want %v",
				version(t, "franz-go"), window, after, timeout, aborted, begun, want)
		}
	})
}

// deadlineOfAbort is what EndTransaction says, and what BeginTransaction does after a
// second EndTransaction, which has no deadline.
func deadlineOfAbort(window, after, timeout time.Duration, tv2 bool) (aborted, begun error) {
	cluster := newCluster(1)
	cluster.lag, cluster.tv2 = window, tv2
	cl := newKgo(cluster, concurrenttransactions.Params{})
	defer cl.close()
	for _, err := range []error{cl.begin(), cl.send("1", 0), cl.commit(), cl.begin()} {
		if err != nil {
			panic("conform: the first transaction fails: " + err.Error())
		}
	}
	producer := cl.(*kgoClient)
	producer.Produce(context.Background(), &kgo.Record{Value: []byte("2")}, nil)
	time.Sleep(after)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	aborted = producer.EndTransaction(ctx, kgo.TryAbort)
	_ = producer.EndTransaction(context.Background(), kgo.TryAbort)
	return aborted, producer.BeginTransaction()
}
