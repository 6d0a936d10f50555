package sweeps

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"racelab/scenarios/concurrenttransactions"
	"racelab/sim"
)

// measured is one run of a policy.
func measured(t *testing.T, policy string, seed uint64, settings ...string) LoadRun {
	t.Helper()
	r, err := set(t, &backoff, settings...).Params.(TransactionLoad).Run(policy, seed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// With one producer, a fixed window and a fixed latency, a cycle is three round
// trips (the add, the batch, EndTxn), the gap and the record's 10 us; and for
// each refusal a backoff and a round trip more. EndTxn's decision and the
// arrival of the first add lie a round trip and the gap apart.
const (
	roundTrip = time.Millisecond
	oneRecord = 10 * time.Microsecond
)

// period is the closed form of a cycle.
func period(window, gap, backoff time.Duration) time.Duration {
	base, g, again := 3*roundTrip+oneRecord+gap, roundTrip+gap, backoff+roundTrip
	if g >= window {
		return base
	}
	return base + (window-g+again-1)/again*again
}

// Goal: the model is the closed form, at every backoff and at each step where the
// number of refusals changes. Method: windows on and beside the steps.
func TestBackoffAgainstTheClosedForm(t *testing.T) {
	policies := func(b time.Duration) []string {
		if b <= 20*time.Millisecond {
			return []string{"fixed", "sarama", "java", "kgo"}
		}
		return []string{"fixed"}
	}
	check := func(window, gap, b time.Duration) {
		want := 1 / period(window, gap, b).Seconds()
		for _, policy := range policies(b) {
			m := measured(t, policy, 1, "transactions=20", "max=100000", "window="+window.String(), "gap="+gap.String(), "backoff="+b.String())
			if got := m.Throughput; math.Abs(got/want-1) > 0.001 {
				t.Errorf("%s with window %v, gap %v, backoff %v: %.4f commits/s, the closed form has %.4f", policy, window, gap, b, got, want)
			}
			refusals := float64((period(window, gap, b) - period(0, gap, b)) / (b + roundTrip) * 19)
			if m.Answers != refusals || m.Committed != m.Tried {
				t.Errorf("%s with window %v, gap %v, backoff %v: %g refusals and %g failures, want %g and none", policy, window, gap, b, m.Answers, m.Tried-m.Committed, refusals)
			}
		}
	}
	for _, text := range backoffs {
		b, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, window := range []time.Duration{0, 3*time.Millisecond + 7*time.Microsecond, 51 * time.Millisecond / 2} {
			check(window, 0, b)
		}
		check(30*time.Millisecond+time.Microsecond, 4*time.Millisecond, b)
		for n := range time.Duration(3) { // just before a step, and just behind it
			step := roundTrip + (n+1)*(b+roundTrip)
			check(step-time.Microsecond, 0, b)
			check(step+time.Microsecond, 0, b)
		}
	}
}

// Goal: as the backoff goes to 0, a cycle goes to the base and a whole number of
// round trips, and the coordinator gets a request a round trip in the window.
func TestBackoffOfNothing(t *testing.T) {
	for _, window := range []time.Duration{1500 * time.Microsecond, 7200 * time.Microsecond, 40100 * time.Microsecond} {
		m := measured(t, "fixed", 1, "transactions=50", "max=100000", "backoff=1ns", "window="+window.String())
		n := math.Ceil(float64(window-roundTrip) / float64(roundTrip))
		want := 1 / ((3*roundTrip + oneRecord).Seconds() + n*roundTrip.Seconds())
		if got := m.Throughput; math.Abs(got/want-1) > 0.001 {
			t.Errorf("window %v: %.4f commits/s, the limit is %.4f", window, got, want)
		}
		if got := m.Requests; got != 1+50*2+49*n {
			t.Errorf("window %v: %g requests, want an InitProducerId, an add and an EndTxn each, and %g refused adds", window, got, n)
		}
	}
}

// Goal: no policy commits more than one that knows when the window ends. Method:
// the same windows, drawn again.
func TestNoPolicyBeatsTheOmniscient(t *testing.T) {
	const transactions = 300
	for _, window := range []string{"lognormal:3ms,0.5", "bimodal:3ms,60ms,0.1", "exp:8ms", "empirical:2ms,3ms,3ms,40ms"} {
		draws, d := sim.NewRandom(5, "window"), set(t, &backoff, "window="+window).Params.(TransactionLoad).Window
		total := time.Duration(0)
		for i := range transactions {
			if w := d.Draw(&draws); i < transactions-1 { // the last one is nobody's
				total += 3*roundTrip + oneRecord + max(0, w-roundTrip)
			}
		}
		bound := (transactions - 1) / total.Seconds()
		for _, policy := range policies {
			if policy.Name == "tv2" {
				continue // Its add takes no time, so its base is another.
			}
			for _, b := range []string{"1ns", "500us", "3ms", "20ms", "100ms"} {
				m := measured(t, policy.Name, 5, "transactions="+fmt.Sprint(transactions), "max=100000", "window="+window, "backoff="+b)
				if m.Throughput > bound*1.0000001 {
					t.Errorf("%s at %s, window %s: %g commits/s, and nobody can do more than %g", policy.Name, b, window, m.Throughput, bound)
				}
				if b == "1ns" && policy.Name == "fixed" && m.Throughput < 0.8*bound {
					t.Errorf("fixed at %s, window %s: %g commits/s, far from the bound %g", b, window, m.Throughput, bound)
				}
			}
		}
	}
}

// Goal: the load on the coordinator falls as the backoff grows, and with no
// backoff it is a request a round trip, which a window that never ends shows.
func TestLoadFallsWithTheBackoff(t *testing.T) {
	last := math.Inf(1)
	for _, b := range []time.Duration{1, time.Millisecond, 3 * time.Millisecond, 9 * time.Millisecond, 99 * time.Millisecond} {
		m := measured(t, "fixed", 1, "transactions=3", "max=100000", "window=1m", "backoff="+b.String())
		load := m.Requests / m.Seconds
		if want := 1 / (b + roundTrip).Seconds(); math.Abs(load/want-1) > 0.01 {
			t.Errorf("backoff %v: %g requests/s, want %g", b, load, want)
		}
		if load >= last {
			t.Errorf("backoff %v: %g requests/s, more than at a shorter one", b, load)
		}
		last = load
	}
}

// Goal: Sarama and Java wait at most 20 ms on the first add, so a longer backoff
// changes nothing for them; a BackoffFunc does.
func TestBackoffsAbove20msChangeNothing(t *testing.T) {
	for _, policy := range []string{"sarama", "java"} {
		if short, long := measured(t, policy, 1, "backoff=20ms"), measured(t, policy, 1, "backoff=1s"); short.Throughput != long.Throughput {
			t.Errorf("%s commits %g at 20 ms and %g at 1 s, want the same", policy, short.Throughput, long.Throughput)
		}
	}
	if short, long := measured(t, "fixed", 1, "backoff=20ms"), measured(t, "fixed", 1, "backoff=1s"); short.Throughput < 20*long.Throughput {
		t.Errorf("fixed commits %g at 20 ms and %g at 1 s, want much less", short.Throughput, long.Throughput)
	}
}

// Goal: what runs out of retries fails: all of it if the budget is shorter than
// any window, none if it is longer; and Max alone does not say which.
func TestRetriesRunOut(t *testing.T) {
	for _, test := range []struct {
		settings []string
		failed   float64 // share
	}{
		{[]string{"window=150ms", "max=4", "producer-max=1", "backoff=1ms"}, 0.5},
		{[]string{"window=50ms", "max=100", "producer-max=1", "backoff=1ms"}, 0},
		{[]string{"window=50ms", "max=4", "producer-max=1", "backoff=20ms"}, 0},
		{[]string{"window=50ms", "max=4", "producer-max=3", "backoff=1ms"}, 0}, // 4 budgets, and 100 ms between
	} {
		m := measured(t, "fixed", 1, append(test.settings, "transactions=100")...)
		if got := 1 - m.Committed/m.Tried; got != test.failed {
			t.Errorf("%v: %g of the transactions fail, want %g", test.settings, got, test.failed)
		}
	}
}

// Goal: markers queue behind one another: with many producers a window is longer,
// and no client is to blame.
func TestMarkersQueue(t *testing.T) {
	settings := []string{"window=10ms", "backoff=500us", "max=100000", "transactions=60"}
	alone, crowd := measured(t, "fixed", 1, settings...), measured(t, "fixed", 1, append(settings, "producers=16")...)
	if alone.P50 >= crowd.P50 || crowd.P50 > 3*alone.P50 {
		t.Errorf("a transaction takes %g ms alone and %g ms among 16, want more, but not a window for each", alone.P50, crowd.P50)
	}
	if crowd.Throughput < 4*alone.Throughput {
		t.Errorf("16 producers commit %g a second, one %g: what waits goes into one request", crowd.Throughput, alone.Throughput)
	}
}

// Goal: each jitter lies where its definition has it, and is not always the same.
func TestBackoffFuncs(t *testing.T) {
	const b = 10 * time.Millisecond
	for _, policy := range []string{"exp-full-jitter", "exp-jitter-20", "decorrelated", "fixed"} {
		next := backoffFunc(policy, b, sim.NewRandom(1, "test"))
		seen := map[time.Duration]bool{}
		for range 200 {
			last := b
			for k := range 40 {
				d, doubled := next(k, 50), min(time.Second, b<<min(k, 20))
				from, to := b, b
				switch policy {
				case "exp-full-jitter":
					from, to = 0, doubled
				case "exp-jitter-20":
					from, to = doubled*4/5, min(time.Second, doubled*6/5)
				case "decorrelated":
					from, to = b, min(time.Second, 3*last)
				}
				if d < from || d > to {
					t.Fatalf("%s: retry %d waits %v, want %v to %v", policy, k, d, from, to)
				}
				seen[d], last = true, d
			}
		}
		if policy == "fixed" != (len(seen) == 1) {
			t.Errorf("%s waits %d different times", policy, len(seen))
		}
	}
	if long := backoffFunc("exp-jitter-20", 2*time.Second, sim.NewRandom(1, "test")); long(5, 50) < 1600*time.Millisecond {
		t.Error("a backoff above the most becomes less")
	}
}

// Goal: each policy is the client that the lab has of it: same transactions in
// the scenario of the race, where clients are held against the releases.
func TestPoliciesAreTheClients(t *testing.T) {
	for policy, variant := range map[string]string{"sarama": "sarama-1.61.1", "java": "java", "kgo": "kgo"} {
		for _, window := range []string{"5ms", "30ms", "150ms"} {
			b := "100ms"
			if policy == "kgo" {
				b = "20ms"
			}
			c, err := concurrenttransactions.Scenario.Race().Case(variant, "", "clock=timed", "lag="+window, "transactions=30", "too-large=0", "backoff="+b)
			if err != nil {
				t.Fatal(err)
			}
			w := c.World()
			l := &load{producers: make([]progress, 1)}
			w.Watch(l.on())
			if err := finish(w, 1, func() {}); err != nil {
				t.Fatal(err)
			}
			scenario, here := l.run(), measured(t, policy, 1, "latency=0s", "record=0s", "window="+window, "transactions=30", "backoff="+b)
			if here.Throughput != scenario.Throughput || here.Answers != scenario.Answers || here.Committed != scenario.Committed {
				t.Errorf("%s at a window of %s: %+v, and as a variant of the scenario %+v", policy, window, here, scenario)
			}
		}
	}
}

// Goal: a transaction does not come to allocate more than it did without anybody seeing
// it: that is much of what it costs. Method: a run of 600 transactions against one of 100,
// so that what builds the world is not counted; a fifth more or less is too much.
func TestTransactionAllocates(t *testing.T) {
	allocations := func(policy string, transactions int) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		measured(t, policy, 1, "backoff=4ms", fmt.Sprint("transactions=", transactions))
		runtime.ReadMemStats(&after)
		return float64(after.Mallocs - before.Mallocs)
	}
	for policy, want := range map[string]float64{
		"fixed": 43, "sarama": 43, "kgo": 41, "exp-full-jitter": 45, "exp-jitter-20": 43, "decorrelated": 43, "tv2": 43, "java": 44,
	} {
		if got := (allocations(policy, 600) - allocations(policy, 100)) / 500; got > 1.2*want || want > 1.2*got {
			t.Errorf("a transaction of %s allocates %.1f times, and did %v times", policy, got, want)
		}
	}
}

// BenchmarkTransactionLoad is the default sweep's mix of policies at one backoff:
// transactions a second, and how many times faster than in reality.
func BenchmarkTransactionLoad(b *testing.B) {
	load := set(b, &backoff, "backoff=4ms").Params.(TransactionLoad)
	transactions, simulated := 0.0, 0.0
	for seed := uint64(1); b.Loop(); seed++ {
		for _, policy := range policies {
			run, err := load.Run(policy.Name, seed)
			if err != nil {
				b.Fatal(err)
			}
			transactions += run.Tried
			simulated += run.Seconds
		}
	}
	b.ReportMetric(transactions/b.Elapsed().Seconds(), "transactions/s")
	b.ReportMetric(simulated/b.Elapsed().Seconds(), "x-real-time")
}
