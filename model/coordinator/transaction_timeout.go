package coordinator

import (
	"time"

	"racelab/sim"
)

// The coordinator's timers, by their places in Timers.
const (
	transactionAbort = 0 // looks for transactions that have timed out
	fence            = 1 // goes on with the first of the fences
	completeAgain    = 2 // writes that a transaction is complete, which is written already
	nextMarker       = 3 // goes on with an answer to WriteTxnMarkers
	reconnect        = 4 // and on, one a broker: dials it anew
)

func (t *Transactions) Timers() []string {
	names := []string{"transaction-abort", "fence", "complete-again", "next-marker"}
	for _, b := range t.config.Brokers {
		names = append(names, "reconnect-"+b.Name)
	}
	return names
}

func (t *Transactions) Expire(timer int, out *sim.Outbox) {
	switch timer {
	case transactionAbort:
		t.abortTimedOutTransactions(out)
	case fence:
		t.fenceNext(out)
	case completeAgain:
		t.writeCompletionAgain(out)
	case nextMarker:
		t.markerAnswered(out)
	default:
		t.channels[timer-reconnect].disconnected = false
		t.sendMarkers(out)
	}
	t.scheduleScan(out)
}

// abortTimedOutTransactions aborts the transactions that are older than their
// timeout, and fences their producers.
//
// Source: TransactionCoordinator.abortTimedOutTransactions.
func (t *Transactions) abortTimedOutTransactions(out *sim.Outbox) {
	for i := range t.metadata {
		m := &t.metadata[i]
		if m.state == Ongoing && m.txnTimeout != noTimeout && !m.pendingTransitionInProgress() && m.txnStart.Add(m.txnTimeout).Before(out.Now()) {
			t.abortWithFence(m, sim.Envelope{}, out)
		}
	}
}

// start is when a transaction began that begins now; Never, if no scan will ask for it.
func (t *Transactions) start(out *sim.Outbox) sim.Time {
	if t.config.ScanInterval < 0 {
		return sim.Never
	}
	return out.Now()
}

// scheduleScan arms the timer for the first scan that can find something.
//
// Differs: Kafka scans from its start on, every ScanInterval; here the rounds
// are counted from the start of the oldest transaction.
func (t *Transactions) scheduleScan(out *sim.Outbox) {
	first := sim.Never
	for i := range t.metadata {
		m := &t.metadata[i]
		if m.state != Ongoing || m.txnTimeout == noTimeout || t.config.ScanInterval < 0 {
			continue
		}
		rounds := m.txnTimeout/t.config.ScanInterval + 1
		if scan := m.txnStart.Add(rounds * t.config.ScanInterval); first == sim.Never || scan.Before(first) {
			first = scan
		}
	}
	if first == sim.Never {
		out.Cancel(transactionAbort)
		return
	}
	out.After(transactionAbort, max(first.Sub(out.Now()), time.Nanosecond))
}
