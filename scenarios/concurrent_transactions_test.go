package scenarios_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"racelab/model"
	saramaclient "racelab/model/producer/sarama"
	"racelab/scenarios/concurrenttransactions"
	"racelab/sim"
	"racelab/sim/explore"
)

// conversation is what an application asks of its transactional client, what it
// is told and when, and how often each request is answered
// CONCURRENT_TRANSACTIONS.
type conversation struct {
	world    *sim.World
	returned []returned
	refused  map[string]int // by the name of the request
}

type returned struct {
	*model.TxnReturned
	at    time.Duration
	tries int // adds that were refused until then
}

// note is a property that claims nothing and notes the acts.
func (c *conversation) note() *sim.Property {
	p := sim.NewProperty("conversation", nil)
	sim.On(p, sim.Returned, func(_ *sim.Claim, _ sim.Act, r *model.TxnReturned) {
		c.returned = append(c.returned, returned{r, c.world.Now(), c.refused["AddPartitionsToTxn"]})
	})
	sim.On(p, sim.Received, func(_ *sim.Claim, _ sim.Act, m sim.Message) {
		if strings.Contains(m.(fmt.Stringer).String(), "CONCURRENT_TRANSACTIONS") {
			c.refused[sim.NameOf(m)]++
		}
	})
	return p
}

// first is the first failure, and from there on what the application does next.
func (c *conversation) first(call model.TxnCall) returned {
	i := slices.IndexFunc(c.returned, func(r returned) bool { return r.Call == call && !r.OK() })
	if i < 0 {
		return returned{&model.TxnReturned{}, -1, 0}
	}
	return c.returned[i]
}

// after is what follows the first failure of a call.
func (c *conversation) after(call model.TxnCall) string {
	i := slices.IndexFunc(c.returned, func(r returned) bool { return r.Call == call && !r.OK() })
	var lines []string
	for _, r := range c.returned[i+1:] {
		lines = append(lines, fmt.Sprintf("%v %v", r.Call, r))
	}
	return strings.Join(lines, "; ")
}

// commits is how many transactions were committed, and when the last one was.
func (c *conversation) commits() (n int, at time.Duration) {
	for _, r := range c.returned {
		if r.Call == model.CommitTxn && r.OK() {
			n, at = n+1, r.at
		}
	}
	return n, at
}

// converse runs a variant of concurrent-transactions to its end, in a world where
// only backoffs and markers take time.
func converse(t *testing.T, variant string, settings ...string) *conversation {
	t.Helper()
	w := theCase(t, "concurrent-transactions", variant, slices.Concat([]string{"too-large=0"}, settings, []string{"clock=timed"})...).World()
	defer w.Close()
	c := &conversation{world: w, refused: map[string]int{}}
	w.Watch(c.note())
	for len(explore.Of(w).Enabled()) > 0 {
		explore.Of(w).Take(0)
	}
	return c
}

// within says whether a time is what was measured, but for 2 %.
func within(got, want time.Duration) bool { return (got - want).Abs() <= want/50 }

var sarama = []string{"sarama-1.43", "sarama-1.49", "sarama-1.61.1"}

// says fails unless the evidence for a statement of concurrent-transactions has a text.
func says(t *testing.T, id, text string) {
	t.Helper()
	for _, s := range concurrenttransactions.Scenario.Statements {
		if s.ID == id && strings.Contains(s.Evidence+s.When, text) {
			return
		}
	}
	t.Errorf("%s does not say %q", id, text)
}

// Goal: three transactions at a lag of 50 ms, as measured: all commit, and the
// first adds of the second and the third are refused three times each.
func TestSaramaAtALagOf50ms(t *testing.T) {
	says(t, "C0.2", "At a lag of 50 ms the first add of each transaction is refused three times, and all commit")
	for _, variant := range sarama {
		c := converse(t, variant, "transactions=3", "lag=50ms")
		n, _ := c.commits()
		if got, want := fmt.Sprint(n, c.refused), "3 map[AddPartitionsToTxn:6]"; got != want {
			t.Errorf("%s: committed and refused are %s, want %s", variant, got, want)
		}
	}
}

// Goal: the default budgets against a lag of 5 s, as measured: the send fails at
// 4.38 s after 204 = 4 x 51 tries; what AbortTxn leaves differs by release.
func TestSaramaAtALagOf5s(t *testing.T) {
	const at = 4380 * time.Millisecond
	says(t, "C0.2", fmt.Sprintf("At 5 s the send fails at %g s, after 4 x 51 tries", at.Seconds()))
	says(t, "C0.7", fmt.Sprintf("longer than %g s", at.Seconds()))
	says(t, "C0.7", fmt.Sprintf("up to 4 x 51 tries or %g s", at.Seconds()))
	for variant, want := range map[string]string{
		"sarama-1.43":   "AbortTxn ok, Initializing; BeginTxn not allowed, Initializing; AbortTxn ok, Ready; BeginTxn ok, InTransaction; Send OUT_OF_ORDER_SEQUENCE_NUMBER, AbortableError",
		"sarama-1.49":   "AbortTxn ok, Initializing; BeginTxn not allowed, Initializing; AbortTxn ok, Ready; BeginTxn ok, InTransaction; Send OUT_OF_ORDER_SEQUENCE_NUMBER, AbortableError",
		"sarama-1.61.1": "AbortTxn ok, Ready; BeginTxn ok, InTransaction; Send ok, InTransaction; CommitTxn ok, Ready",
	} {
		c := converse(t, variant, "transactions=3", "lag=5s")
		if failed := c.first(model.Send); !within(failed.at, at) || failed.tries != 204 {
			t.Errorf("%s: the send failed at %v after %d tries, want %v, 204", variant, failed.at, failed.tries, at)
		}
		if got := c.after(model.Send); got != want {
			t.Errorf("%s: after the send failed: %s; want %s", variant, got, want)
		}
	}
}

// Goal: 1.48.0 to 1.48.2 send a batch again without Producer.Retry.Backoff, so the send
// fails 300 ms earlier, as measured.
func TestSarama1_48AtALagOf5s(t *testing.T) {
	const at = 4080 * time.Millisecond
	says(t, "C0.2", fmt.Sprintf("at %g s)", at.Seconds()))
	p := concurrenttransactions.Scenario.Default()
	p.TooLarge, p.Timed, p.Transactions, p.Lag = 0, true, 3, sim.Constant(5*time.Second)
	w := sim.NewWorld()
	defer w.Close()
	concurrenttransactions.Scenario.Build(w, concurrenttransactions.Sarama(saramaclient.Release1_48_0), p)
	c := &conversation{world: w, refused: map[string]int{}}
	w.Watch(c.note())
	for len(explore.Of(w).Enabled()) > 0 {
		explore.Of(w).Take(0)
	}
	if failed := c.first(model.Send); !within(failed.at, at) || failed.tries != 204 {
		t.Errorf("the send failed at %v after %d tries, want %v, 204", failed.at, failed.tries, at)
	}
}

// Goal: Retry.Max 1 and Backoff 1 ms against a lag of 2 s, as measured: the send
// fails at 308 ms = 4 x 2 x 1 ms + 3 x 100 ms.
func TestSaramaWithAShortBackoff(t *testing.T) {
	for variant, want := range map[string]string{
		"sarama-1.43":   "AbortTxn ok, Initializing; BeginTxn not allowed, Initializing; ",
		"sarama-1.49":   "AbortTxn ok, Initializing; BeginTxn not allowed, Initializing; ",
		"sarama-1.61.1": "AbortTxn CONCURRENT_TRANSACTIONS, Initializing; ",
	} {
		c := converse(t, variant, "transactions=3", "lag=2s", "max=1", "backoff=1ms")
		if failed := c.first(model.Send); !within(failed.at, 308*time.Millisecond) || failed.tries != 8 {
			t.Errorf("%s: the send failed at %v after %d tries, want 308ms, 8", variant, failed.at, failed.tries)
		}
		if got := c.after(model.Send); !strings.HasPrefix(got, want) {
			t.Errorf("%s: after the send failed: %s; want it to begin with %s", variant, got, want)
		}
	}
}

// Goal: a produce error and AbortTxn at a lag of 50 ms, as measured: EndTxn is
// answered, and InitProducerId meets the window, which is fatal before 1.61.1.
func TestSaramaAfterAProduceError(t *testing.T) {
	for variant, want := range map[string]string{
		"sarama-1.43":   "AbortTxn CONCURRENT_TRANSACTIONS, FatalError; AbortTxn CONCURRENT_TRANSACTIONS, FatalError; BeginTxn not allowed, FatalError",
		"sarama-1.49":   "AbortTxn CONCURRENT_TRANSACTIONS, FatalError; AbortTxn CONCURRENT_TRANSACTIONS, FatalError; BeginTxn not allowed, FatalError",
		"sarama-1.61.1": "AbortTxn ok, Ready; BeginTxn ok, InTransaction; Send ok, InTransaction; CommitTxn ok, Ready",
	} {
		c := converse(t, variant, "too-large=1", "lag=50ms")
		if got := c.after(model.Send); got != want || c.first(model.Send).Error != model.ErrMessageTooLarge {
			t.Errorf("%s: the send failed with %v, and then: %s; want MESSAGE_TOO_LARGE, %s", variant, c.first(model.Send).Error, got, want)
		}
	}
}

// Goal: back to back, a transaction pays for the window of the one before, in
// steps of the backoff: the client's under TV1, the broker's under TV2; and where
// that does not try again, in steps of the metadata's age. Method: 50
// transactions; the first one pays nothing, hence 49 of 50.
//
// Source: what Sarama and franz-go were measured to take; Java's backoff is the
// same.
func TestPeriodOfTransactions(t *testing.T) {
	const us = time.Microsecond
	says(t, "C0.7", "Both take 39.2 ms a transaction at a window of 30 ms")
	for _, test := range []struct {
		settings string
		variants string
		want     time.Duration
	}{
		{"lag=5ms", "sarama-1.43 sarama-1.49 sarama-1.61.1 kgo java java-4 tv2", 19_600 * us},
		{"lag=30ms", "sarama-1.43 sarama-1.49 sarama-1.61.1 kgo java java-4 tv2", 39_200 * us},
		{"lag=150ms", "sarama-1.43 sarama-1.49 sarama-1.61.1 kgo java", 156_800 * us},
		{"lag=150ms", "java-4", 196_000 * us}, // 100 ms in the broker, and as long a backoff
		{"lag=5ms broker-retry=0s", "java-4", 98_000 * us},
		{"lag=5ms broker-retry=0s", "tv2", 4_900_000 * us},
	} {
		for variant := range strings.FieldsSeq(test.variants) {
			n, at := converse(t, variant, append(strings.Fields(test.settings), "transactions=50")...).commits()
			if got := at / 50; n != 50 || !within(got, test.want) {
				t.Errorf("%s, %s: %d commits, %v a transaction; want 50, %v", variant, test.settings, n, got, test.want)
			}
		}
	}
}

// Goal: the longer Java's batch is refused under TV2, the less often it goes: after 100,
// 200, 400 and 800 ms, then after a second each; and aborted inside, it is waited for.
func TestJavaUnderTV2(t *testing.T) {
	c := converse(t, "java-4", "lag=2s", "broker-retry=0s")
	if _, at := c.commits(); at != 2500*time.Millisecond || c.refused["Produce"] != 5 {
		t.Errorf("committed at %v, refused %v; want 2.5s, 5 times on Produce", at, c.refused)
	}
	c = converse(t, "java-4", "transactions=3", "lag=505ms", "inside=50ms", "broker-retry=0s")
	i := slices.IndexFunc(c.returned, func(r returned) bool { return r.Call == model.AbortTxn })
	if r := c.returned[i]; fmt.Sprint(r.at, r.TxnReturned) != "700ms ok, Ready" {
		t.Errorf("AbortTxn returned at %v: %v; want 700ms ok, Ready", r.at, r.TxnReturned)
	}
}

// Goal: the longer franz-go is refused, the less often it asks: 20 ms up to 1 s,
// 200 ms up to 2.5 s, 500 ms up to 5 s, then 1 s.
func TestKgoFloors(t *testing.T) {
	c := converse(t, "kgo", "lag=8s")
	// 51 tries up to 1 s and the one that sees that more has passed, at 1.02 s; then
	// each 200 ms until one sees more than 2.5 s, at 2.62 s; each 500 ms until 5.12
	// s; each second until 8.12 s.
	if _, at := c.commits(); at != 8120*time.Millisecond || c.refused["AddPartitionsToTxn"] != 52+8+5+2 {
		t.Errorf("committed at %v after %d tries, want 8.12s, 67", at, c.refused["AddPartitionsToTxn"])
	}
}

// Goal: an abort inside a window of 505 ms, 50 ms after its record. Without a wait for
// that the client is lost at 510 ms; with one it is 520 ms, or 60 ms since 1.22.3.
//
// Source: released franz-go 1.22.1, 1.22.2 and 1.22.3, against the cluster of
// witness/conform.
func TestKgoAbortsInside(t *testing.T) {
	for _, test := range []struct{ variant, flush, want, refused string }{
		{"kgo", "no", "510ms AbortTxn INVALID_TXN_STATE, FatalError", "map[AddPartitionsToTxn:26 EndTxn:23]"},
		{"kgo-1.22.3", "no", "510ms AbortTxn INVALID_TXN_STATE, FatalError", "map[AddPartitionsToTxn:26 EndTxn:23]"},
		{"kgo", "yes", "520ms AbortTxn ok, Ready", "map[AddPartitionsToTxn:52]"},
		{"kgo-1.22.3", "yes", "60ms AbortTxn ok, Ready", "map[AddPartitionsToTxn:26]"},
	} {
		c := converse(t, test.variant, "transactions=3", "lag=505ms", "inside=50ms", "flush="+test.flush)
		i := slices.IndexFunc(c.returned, func(r returned) bool { return r.Call == model.AbortTxn })
		r := c.returned[i]
		if got := fmt.Sprintf("%v %v %v", r.at, r.Call, r.TxnReturned); got != test.want || fmt.Sprint(c.refused) != test.refused {
			t.Errorf("%s, flush %s: %s, refused %v; want %s, %s", test.variant, test.flush, got, c.refused, test.want, test.refused)
		}
	}
}
