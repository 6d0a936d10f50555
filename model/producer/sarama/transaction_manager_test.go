package sarama

import (
	"slices"
	"testing"
	"time"
)

// Goal: the table of transitions is that of producerTxnTransitions. Method: all
// pairs of what the client ever is in and wants to be in.
func TestTransitions(t *testing.T) {
	const (
		committing = producerTxnFlagEndTransaction | producerTxnFlagCommittingTransaction
		aborting   = producerTxnFlagEndTransaction | producerTxnFlagAbortingTransaction
		abortable  = producerTxnFlagInError | producerTxnFlagAbortableError
		fatal      = producerTxnFlagInError | producerTxnFlagFatalError
	)
	all := []producerTxnStatusFlag{
		producerTxnFlagUninitialized, producerTxnFlagInitializing, producerTxnFlagReady, producerTxnFlagInTransaction, committing, aborting, abortable, fatal,
	}
	for _, test := range []struct {
		status producerTxnStatusFlag
		to     []producerTxnStatusFlag
	}{
		{producerTxnFlagUninitialized, []producerTxnStatusFlag{producerTxnFlagReady, abortable, fatal}},
		{producerTxnFlagInitializing, []producerTxnStatusFlag{producerTxnFlagInitializing, producerTxnFlagReady, abortable, fatal}},
		{producerTxnFlagReady, []producerTxnStatusFlag{producerTxnFlagInTransaction}},
		{producerTxnFlagInTransaction, []producerTxnStatusFlag{committing, aborting, abortable, fatal}},
		{committing, []producerTxnStatusFlag{producerTxnFlagInitializing, producerTxnFlagReady, abortable, fatal}},
		{aborting, []producerTxnStatusFlag{producerTxnFlagInitializing, producerTxnFlagReady, abortable, fatal}},
		{abortable, []producerTxnStatusFlag{aborting, abortable, fatal}},
		{fatal, []producerTxnStatusFlag{fatal}},
	} {
		for _, target := range all {
			if got, want := test.status.isTransitionValid(target), slices.Contains(test.to, target); got != want {
				t.Errorf("from %v to %v: %v, want %v", test.status.status(), target.status(), got, want)
			}
		}
	}
}

// Goal: BackoffFunc overrides every backoff, the short one of the first add too,
// and is told how many retries there were.
func TestBackoffFunc(t *testing.T) {
	p := NewTransactions(Config{
		RetryMax: 5, RetryBackoff: 100 * time.Millisecond, ProducerRetryMax: 3,
		BackoffFunc: func(retries, maxRetries int) time.Duration { return time.Duration(10*retries + maxRetries) },
	}, nil)
	p.attemptsRemaining = 3
	if got := p.computeBackoff(addPartitionsRetryBackoff); got != 25 {
		t.Errorf("backoff of the third attempt of 6: %d, want 25", got)
	}
}
