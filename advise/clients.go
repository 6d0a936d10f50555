package advise

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"racelab/sweeps"
)

// firstAdd is how long Sarama and Java wait at most before they try the first
// AddPartitionsToTxn of a transaction again, whatever they are set to, and how
// long franz-go waits by default.
//
// Source: addPartitionsRetryBackoff in Sarama's transaction_manager.go;
// TransactionManager.ADD_PARTITIONS_RETRY_BACKOFF_MS.
const firstAdd = 20 * time.Millisecond

// saramaBackoff is Sarama's Retry.Backoff by default.
const saramaBackoff = 100 * time.Millisecond

// brokerBackoff and brokerPatience are how often and for how long a broker tries
// by itself to add a partition, in TV2.
//
// Source: add.partitions.to.txn.retry.backoff.ms, ...max.ms, by their defaults.
const (
	brokerBackoff  = 20 * time.Millisecond
	brokerPatience = 100 * time.Millisecond
)

// Client is a client, for how its retries on CONCURRENT_TRANSACTIONS can be set.
type Client struct {
	Name    string // "sarama"
	Release string // "Sarama 1.61.1"
	Default Setting

	defaultText string
	series      []sweeps.Series // of the sweep backoff; the first is the default's
	// takes says in which of the series a backoff can be set.
	takes func(series string, backoff time.Duration) bool
	paste func(s Setting) []string // in the client's own words
	notes func(s Setting) []string // for whoever pastes it
}

// Clients lists the clients.
func Clients() []Client { return []Client{sarama, java, kgo} }

// ClientsNamed returns one client, or all.
func ClientsNamed(name string) ([]Client, error) {
	names := []string{"all"}
	for _, c := range Clients() {
		if c.Name == name {
			return []Client{c}, nil
		}
		names = append(names, c.Name)
	}
	if name == "all" {
		return Clients(), nil
	}
	return nil, fmt.Errorf("there is no client %.60q; there is %s", name, strings.Join(names, ", "))
}

// clientOf is whose series it is; tv2 is run by franz-go.
func clientOf(series string) Client {
	for _, c := range Clients() {
		if slices.ContainsFunc(c.series, func(s sweeps.Series) bool { return s.Name == series }) {
			return c
		}
	}
	return kgo
}

// Setting is what a client is told.
type Setting struct {
	Backoff time.Duration
	Max     int // retries; Endless: nothing counts them
}

// Endless is the Max of clients that do not count.
const Endless = -1

// MarshalJSON writes {"backoff_ms": 20, "max": 250}; max is null where nothing
// counts the retries.
func (s Setting) MarshalJSON() ([]byte, error) {
	out := struct {
		Backoff float64 `json:"backoff_ms"`
		Max     *int    `json:"max"`
	}{inMilliseconds(s.Backoff), nil}
	if s.Max != Endless {
		out.Max = &s.Max
	}
	return json.Marshal(out)
}

// sarama: Retry.Backoff is what every request to the coordinator waits, but for
// the first AddPartitionsToTxn, which waits for 20 ms at most. BackoffFunc takes
// the place of both.
//
// Source: publishTxnPartitions and computeBackoff in transaction_manager.go,
// Config.Producer.Transaction.Retry; NewConfig for the defaults (the comment that
// says 10 ms is wrong).
var sarama = Client{
	Name: "sarama", Release: "Sarama 1.61.1", Default: Setting{saramaBackoff, 50},
	defaultText: "100 ms, of which the first add waits 20, and Max 50",
	series:      []sweeps.Series{{Name: "sarama", What: "Sarama's Retry.Backoff"}, {Name: "fixed", What: "Sarama's BackoffFunc"}},
	takes: func(series string, b time.Duration) bool {
		return series == "sarama" && b <= firstAdd || series == "fixed" && b > firstAdd
	},
	paste: func(s Setting) []string {
		const retry = "config.Producer.Transaction.Retry."
		pace := s.Backoff
		if pace == saramaBackoff { // It stays as it is, and is cut on the first add.
			pace = firstAdd
		}
		max := fmt.Sprintf(retry+"Max = %d // x %v: tries for %v", s.Max, pace, rounded(time.Duration(s.Max)*pace))
		if s.Backoff == saramaBackoff {
			return []string{max}
		}
		if s.Backoff <= firstAdd {
			return []string{fmt.Sprintf(retry+"Backoff = %s", goDuration(s.Backoff)), max}
		}
		return []string{
			retry + "BackoffFunc = func(retries, maxRetries int) time.Duration {",
			"\treturn " + goDuration(s.Backoff),
			"}", max,
		}
	},
	notes: func(s Setting) []string {
		notes := []string{"It holds for every request to the coordinator, whatever that was refused for. Sarama does not speak TV2."}
		if s.Backoff > firstAdd && s.Backoff != saramaBackoff {
			notes = append(notes, "A Backoff above 20 ms would not do: the first AddPartitionsToTxn waits for no more than that, unless there is a BackoffFunc.")
		}
		return notes
	},
}

// java: retry.backoff.ms, but at most 20 ms before the first AddPartitionsToTxn.
// Nothing counts the retries; a batch waits for them until delivery.timeout.ms.
//
// Source: TransactionManager.AddPartitionsToTxnHandler, whose retryBackoffMs is
// the lesser of both.
var java = Client{
	Name: "java", Release: "Kafka's Java client", Default: Setting{100 * time.Millisecond, Endless},
	defaultText: "100 ms, of which the first add waits 20",
	series:      []sweeps.Series{{Name: "java", What: "Java's retry.backoff.ms"}},
	takes: func(series string, b time.Duration) bool {
		return series == "java" && b <= firstAdd && b%time.Millisecond == 0
	},
	paste: func(s Setting) []string {
		return []string{"retry.backoff.ms=" + milliseconds(s.Backoff)}
	},
	notes: func(s Setting) []string {
		return []string{
			"Above 20 it is the same: the first AddPartitionsToTxn waits for no more than that.",
			"All that the producer retries begins at retry.backoff.ms; since 3.7 produce and metadata requests go on, doubling, up to retry.backoff.max.ms.",
			"Nothing counts the retries: a batch fails at delivery.timeout.ms, after 2 minutes.",
		}
	},
}

// kgo: ConcurrentTransactionsBackoff, and more after 1, 2.5 and 5 s. It does not
// count, and ends with the client.
//
// Source: doWithConcurrentTransactions in txn.go, doTxnReq in sink.go.
var kgo = Client{
	Name: "kgo", Release: "franz-go 1.22.2", Default: Setting{20 * time.Millisecond, Endless},
	defaultText: "20 ms",
	series:      []sweeps.Series{{Name: "kgo", What: "franz-go's ConcurrentTransactionsBackoff"}},
	takes:       func(series string, _ time.Duration) bool { return series == "kgo" },
	paste: func(s Setting) []string {
		return []string{"kgo.ConcurrentTransactionsBackoff(" + goDuration(s.Backoff) + "),"}
	},
	notes: func(s Setting) []string {
		return []string{"Nothing counts the retries; after 1, 2.5 and 5 s of them it waits for 200, 500 and 1,000 ms."}
	},
}

// goDuration writes a duration as a Go expression.
func goDuration(d time.Duration) string {
	if d == time.Millisecond {
		return "time.Millisecond"
	}
	if d%time.Millisecond == 0 {
		return fmt.Sprintf("%d * time.Millisecond", d/time.Millisecond)
	}
	return fmt.Sprintf("%d * time.Microsecond", d/time.Microsecond)
}
