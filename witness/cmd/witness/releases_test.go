package main

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	"racelab/witness/internal/names"
	"racelab/witness/rt"
)

var explored = flag.Bool("releases", false, "explore released clients too: some minutes each, with modules from the proxy")

// released is what some experiments find on releases that have a race, and on those that
// fixed it; empty: nothing.
var released = map[string]map[string]string{
	"sarama@v1.43.0": {"throttle": rt.NoDeadlock},
	"sarama@v1.43.2": {
		"rewind": rt.Fails, "deadlock": "", "throttle": "",
		"transactions-short-window": "", "transactions-long-window": rt.Fails, "transactions-few-retries": rt.Fails, "transactions-failed-record": rt.Fails,
	},
	"sarama@v1.43.3": {"rewind": "", "deadlock": rt.NoDeadlock},
	"sarama@v1.46.2": {"retry-order": rt.Fails, "retry-passing-fault": rt.Fails, "retry-acknowledged": rt.Fails},
	"sarama@v1.60.0": {"retry-exhausted": rt.Fails},
	"sarama@v1.61.1": {
		"rewind": "", "deadlock": "", "throttle": "", "retry-order": "", "retry-passing-fault": "", "retry-acknowledged": "", "retry-exhausted": "",
		"transactions-short-window": "", "transactions-long-window": "", "transactions-few-retries": "", "transactions-failed-record": "",
		"close-awaits-reader": rt.NoDeadlock, "close-unread-errors": rt.NoDeadlock,
	},
	"franz-go@v1.21.3": {"rewind-again": rt.Fails},
	"franz-go@v1.22.1": {"delivered-unwritten": rt.Fails},
	"franz-go@v1.22.2": {
		"reorder-invalid-record": rt.Fails, "reorder-retries": rt.Fails, "reorder-timeout": rt.Fails, "reorder-metadata": rt.Fails,
		"reorder-cancelled": rt.Fails, "reorder-too-large": rt.Fails, "reorder-paused": "",
		"abort-inside": rt.Fails, "abort-load-error": rt.Fails, "rewind-again": "", "close-hangs": rt.NoDeadlock, "delivered-unwritten": "",
	},
	"franz-go@v1.22.3": {"abort-inside": rt.Fails, "abort-load-error": "", "close-hangs": ""},
	"kafka-go@v0.4.51": {"written-after-all": rt.Fails, "close-hangs": rt.Fails},
}

// always are those that each run of the tests asks, in so many schedules as it takes. What
// the first needs besides the client is built for the broker anyway; the two of Sarama
// take 40 s of CPU, nearly all of it the compiler's, where nothing is built yet.
var always = []string{"franz-go@v1.22.2 reorder-invalid-record", "sarama@v1.43.2 rewind deadlock", "sarama@v1.43.3 deadlock rewind"}

// Goal: released clients have the races that are known of them, and not those that
// they fixed; what is found is repeated 100 times of 100.
func TestReleases(t *testing.T) {
	for _, one := range always {
		release, experiments, _ := strings.Cut(one, " ")
		t.Run(one, func(t *testing.T) {
			want, args := map[string]string{}, []string{"-runs", "100"}
			for experiment := range strings.FieldsSeq(experiments) {
				want[experiment] = released[release][experiment]
				args = append(args, experiment)
			}
			check(t, release, want, args...)
		})
	}
	if !*explored {
		return // make witness
	}
	for _, release := range slices.Sorted(maps.Keys(released)) {
		t.Run(release, func(t *testing.T) {
			args := append([]string{"-runs", "1000"}, slices.Sorted(maps.Keys(released[release]))...)
			check(t, release, released[release], args...)
		})
	}
}

// Goal: the example of a test with a broker in memory has its mistake, and the idempotent
// producer does not.
func TestBrokerInMemory(t *testing.T) {
	if !*explored {
		return // make witness
	}
	expect(t, answers(t, "test", "-v", "-keep=false", "-C", "../../kafka", "-runs", "200", "./example"),
		map[string]string{"Pay": rt.Fails, "PayIdempotent": ""})
	_, said := ask(t, "test", "-keep=false", "-C", "../../kafka", "-run", "TestPay$", "./example")
	shown(t, "no-failure: one payment", said)
}

// Goal: the orders that force the model's rewind force that of the release, in one run,
// and not that of the release that fixed it.
func TestOrdersOfTheModel(t *testing.T) {
	if !*explored {
		return // make witness
	}
	const orders = "G0 mark before G1 snapshot; G1 snapshot before G0 update committed; G0->coordinator OffsetCommit#2 before G1->coordinator OffsetCommit"
	for release, want := range map[string]string{"sarama@v1.43.2": rt.Fails, "sarama@v1.48.0": "nothing broke"} {
		if got := answers(t, "release", release, "rewind", "--orders", orders)["Rewind"]; !strings.Contains(got, want) {
			t.Errorf("%s, kept to the orders: %q, want %q", release, got, want)
		}
	}
}

func check(t *testing.T, release string, want map[string]string, args ...string) {
	t.Helper()
	got := map[string]string{}
	for test, property := range answers(t, append([]string{"release", release}, args...)...) {
		got[names.Experiment("Test"+test)] = property
	}
	expect(t, got, want)
}
