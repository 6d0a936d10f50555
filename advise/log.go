package advise

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// brokerLogLines is what readBrokerLog reads, in short.
const brokerLogLines = `the DEBUG lines of kafka.coordinator.transaction.TransactionMetadata: "[2020-10-15 10:55:47,349] DEBUG TransactionalId ID complete transition from ..."`

// readBrokerLog reads the windows from the log of a transaction coordinator: from
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
// with states such as PREPARE_COMMIT and brackets for the parentheses. The time of
// a line is the last one before the message, or the first one behind it: as
// Kafka's own layout has it ([%d]), as Strimzi's and others (ISO 8601), or as a
// field of JSON, "@timestamp" or any other in ISO 8601, "timeMillis", or "epochSecond"
// with "nanoOfSecond". It has milliseconds, or more.
//
// Windows are told apart by the transactional id: its transitions follow one
// another whatever its producer id and epoch, which InitProducerId and, in TV2,
// every EndTxn change. A transition without the other end of its window, at the
// ends of the log and where the coordinator moved, counts as Unpaired.
//
// Errors: a log without a window; a time that cannot be read, or lies before the
// window's begin. Each is told with its line.
// Source: TransactionMetadata.completeTransitionTo, up to Kafka 4.1 in Scala.
func (w *Windows) readBrokerLog(r io.Reader) error {
	prepared := map[string]time.Time{} // by transactional id
	err := eachLine(r, w.Source, func(_ int, line string, _ bool) error {
		id, state, ok := transition(line)
		prepares := ok && (state == "preparecommit" || state == "prepareabort")
		completes := ok && (state == "completecommit" || state == "completeabort")
		if !prepares && !completes {
			return nil
		}
		at, err := lineTime(line)
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
	w.Unpaired += len(prepared)
	if err == nil && len(w.samples) == 0 {
		err = fmt.Errorf("%s has no transaction from Prepare to Complete; want %s", w.Source, brokerLogLines)
	}
	return err
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

// A time in the layouts of loggers. Those of its first alternative may have a zone.
var logTime = regexp.MustCompile(`(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?` +
	`|"epochSecond" ?: ?(\d{9,11}), ?"nanoOfSecond" ?: ?(\d{1,9})|"time(?:Millis|stamp)" ?: ?(\d{12,14})\b`)

// lineTime reads when a line was logged.
func lineTime(line string) (time.Time, error) {
	head, tail, _ := strings.Cut(line, "TransactionalId ")
	found := logTime.FindAllStringSubmatch(head, -1)
	if len(found) == 0 {
		if found = logTime.FindAllStringSubmatch(tail, 1); len(found) == 0 {
			return time.Time{}, fmt.Errorf("has no time such as [2020-10-15 10:55:47,349] in %.60q", head)
		}
	}
	m := found[len(found)-1]
	whole := func(text string) int64 { n, _ := strconv.ParseInt(text, 10, 64); return n } // The expression has digits only.
	switch {
	case m[5] != "":
		return time.Unix(whole(m[5]), whole(m[6])), nil
	case m[7] != "":
		return time.UnixMilli(whole(m[7])), nil
	case m[3] == "":
		return time.Time{}, fmt.Errorf("has a time without milliseconds, %q; want them, as %%d{ISO8601} of log4j has them", m[0])
	}
	zone := strings.ReplaceAll(cmp.Or(m[4], "Z"), ":", "")
	layout := "2006-01-02 15:04:05.999999999" + map[bool]string{true: "Z", false: "-0700"}[zone == "Z"]
	at, err := time.Parse(layout, m[1]+" "+m[2]+"."+m[3]+zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("has %q where a time belongs", m[0])
	}
	return at, nil
}

// clientRetry is a line that Sarama logs before it tries to add a partition again.
//
// Source: transactionManager.publishTxnPartitions, of Sarama 1.37.0 to 1.61.1.
var clientRetry = regexp.MustCompile(`txnmgr/add-partition-to-txn retrying after (\d+)ms\.\.\. \((\d+) attempts remaining\) \(kafka server: The producer attempted to update a transaction while another`)

// readClientLog reads the windows from the log of one producer of Sarama: from the
// lines
//
//	txnmgr/add-partition-to-txn retrying after 20ms... (49 attempts remaining) (kafka server: The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing)
//
// It passes over all others. Lines of one window have fewer and fewer attempts
// remaining, and go on from the start once there is none. The window ended during the
// last wait, in whose middle it is taken to have: so it is known to half a backoff. One
// that was over before the first add has no line.
//
// Errors: a log without a retry.
func (w *Windows) readClientLog(r io.Reader) error {
	w.Retries = true
	waited, last, left := 0, 0, -1 // of the window at hand, in ms: all waits, the last; attempts
	ends := func() error {
		if left < 0 {
			return nil
		}
		return w.add(float64(waited) - float64(last)/2)
	}
	err := eachLine(r, w.Source, func(_ int, line string, _ bool) error {
		m := clientRetry.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		backoff, err := strconv.Atoi(m[1])
		attempts, wrong := strconv.Atoi(m[2])
		if err != nil || wrong != nil {
			return fmt.Errorf("waits %.20qms with %.20q attempts remaining; want numbers", m[1], m[2])
		}
		if goesOn := attempts < left || left == 0 && attempts > 0; left >= 0 && !goesOn {
			if err := ends(); err != nil {
				return err
			}
			waited = 0
		}
		waited, last, left = waited+backoff, backoff, attempts
		return nil
	})
	if err == nil && left < 0 {
		err = fmt.Errorf("%s has no retry for CONCURRENT_TRANSACTIONS; want lines of Sarama such as txnmgr/add-partition-to-txn retrying after 20ms... (49 attempts remaining) (kafka server: The producer attempted to update a transaction while another", w.Source)
	}
	if err == nil {
		err = ends()
	}
	return err
}
