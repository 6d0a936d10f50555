package sweeps

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// brokerLogLines is what ReadBrokerLog reads, in short.
const brokerLogLines = `the DEBUG lines of kafka.coordinator.transaction.TransactionMetadata: "[2020-10-15 10:55:47,349] DEBUG TransactionalId ID complete transition from ..."`

// ReadBrokerLog reads the windows from the log of a transaction coordinator: from
// the transition to PrepareCommit or PrepareAbort, upon which EndTxn is answered,
// to the one to CompleteCommit or CompleteAbort, up to which the next
// transaction of the same transactional id is refused.
//
// It reads two lines of each transaction, and passes over all others:
//
//	[2020-10-15 10:55:47,349] DEBUG TransactionalId ID complete transition from Ongoing to TxnTransitMetadata(producerId=0, ..., txnState=PrepareCommit, ...) (kafka.coordinator.transaction.TransactionMetadata)
//	[2020-10-15 10:55:47,351] DEBUG TransactionalId ID complete transition from PrepareCommit to TxnTransitMetadata(producerId=0, ..., txnState=CompleteCommit, ...) (kafka.coordinator.transaction.TransactionMetadata)
//
// The logger is kafka.coordinator.transaction.TransactionMetadata; since it is
// written in Java, org.apache.kafka.coordinator.transaction.TransactionMetadata,
// with states such as PREPARE_COMMIT and brackets for the parentheses. The lines
// begin as Kafka's own layout has them, [%d] with milliseconds. What stands before
// the bracket is passed over, as a collector of logs writes it.
//
// Windows are told apart by the transactional id: its transitions follow one
// another whatever its producer id and epoch, which InitProducerId and, in TV2,
// every EndTxn change. A transition without the other end of its window, at the
// ends of the log and where the coordinator moved, counts as Unpaired.
//
// Errors: a log without a window; a time that cannot be read, or lies before the
// window's begin. Each is told with its line.
// Source: TransactionMetadata.completeTransitionTo, up to Kafka 4.1 in Scala.
func ReadBrokerLog(r io.Reader, name string) (*Windows, error) {
	w := &Windows{Source: name, Measured: true}
	prepared := map[string]time.Time{} // by transactional id
	err := eachLine(r, name, func(_ int, line string, _ bool) error {
		id, state, ok := transition(line)
		prepares := ok && (state == "preparecommit" || state == "prepareabort")
		completes := ok && (state == "completecommit" || state == "completeabort")
		if !prepares && !completes {
			return nil
		}
		at, err := logTime(line)
		if err != nil {
			return err
		}
		began, open := prepared[id]
		switch {
		case prepares:
			if prepared[id] = at; open {
				w.Unpaired++
			}
			if len(prepared) > maxWindows {
				return fmt.Errorf("opens window %d; want at most %d open at a time", len(prepared), maxWindows)
			}
			return nil
		case !open:
			w.Unpaired++
			return nil
		case at.Before(began):
			return fmt.Errorf("completes %.60q %v before it was prepared; did the clock go back?", id, began.Sub(at))
		}
		delete(prepared, id)
		return w.add(float64(at.Sub(began)) / float64(time.Millisecond))
	})
	if err != nil {
		return nil, err
	}
	w.Unpaired += len(prepared)
	if len(w.samples) == 0 {
		return nil, fmt.Errorf("%s has no transaction from Prepare to Complete; want %s", name, brokerLogLines)
	}
	return w, w.complete()
}

// transition reads from a line which transactional id came to which state, in
// small letters and without underscores.
func transition(line string) (id, state string, ok bool) {
	_, rest, ok := strings.Cut(line, "TransactionalId ")
	if !ok {
		return "", "", false
	}
	id, rest, ok = strings.Cut(rest, " complete transition from ")
	if !ok {
		return "", "", false
	}
	_, rest, ok = strings.Cut(rest, " to TxnTransitMetadata")
	if !ok {
		return "", "", false
	}
	_, rest, ok = strings.Cut(rest, "txnState=")
	end := strings.IndexAny(rest, ",)]")
	if !ok || end < 0 {
		return "", "", false
	}
	return id, strings.ReplaceAll(strings.ToLower(rest[:end]), "_", ""), true
}

// logTime reads the time with which a line begins, "[2020-10-15 10:55:47,349]".
func logTime(line string) (time.Time, error) {
	const layout = "2006-01-02 15:04:05,000"
	head, _, _ := strings.Cut(line, "TransactionalId ")
	for rest := head; ; {
		_, after, ok := strings.Cut(rest, "[")
		if !ok {
			return time.Time{}, fmt.Errorf("has no time such as [2020-10-15 10:55:47,349] in %.60q", head)
		}
		if text, _, closed := strings.Cut(after, "]"); closed {
			if at, err := time.Parse(layout, text); err == nil {
				return at, nil
			}
		}
		rest = after
	}
}
