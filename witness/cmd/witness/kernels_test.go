package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racelab/witness/rt"
)

// kernels are small programs of known classes of bugs (those of Tu et al.:
// Understanding Real-World Concurrency Bugs in Go, ASPLOS 2019, and of the GoKer
// suite, written anew) and what is found in each. Those that end in Fine are right.
var kernels = map[string]string{
	// Locks.
	"Twice": rt.NoDeadlock, "Forgotten": rt.NoDeadlock, "Crossed": rt.NoDeadlock, "Ring": rt.NoDeadlock,
	"ReadersAndAWriter": rt.NoDeadlock, "Upgrade": rt.NoDeadlock, "Four": rt.NoDeadlock, "OnceAgain": rt.NoDeadlock,
	"UnlockTwice": rt.NoPanic, "CheckThenAct": rt.Fails, "SyncMap": rt.Fails, "LostUpdate": rt.Fails,
	// Channels.
	"Abandoned": rt.NoLeak, "FirstError": rt.NoLeak, "Nested": rt.NoLeak, "NoCancel": rt.NoLeak,
	"CloseTwice": rt.NoPanic, "SendAfterClose": rt.NoPanic, "FullBuffer": rt.NoDeadlock, "LockAndChannel": rt.NoDeadlock,
	"StopAndWork": rt.Fails, "Default": rt.Fails, "Batch": rt.Fails, "Semaphore": rt.NoDeadlock,
	// Conditions, groups, time, order.
	"MissedSignal": rt.NoDeadlock, "UnlockedSignal": rt.NoDeadlock, "OneSignal": rt.NoDeadlock, "AddLate": rt.Fails, "DoneForgotten": rt.NoDeadlock,
	"StaleTimer": rt.Fails, "DeadWithTicker": rt.NoDeadlock, "PublishedTooEarly": rt.NoPanic, "PanicInWorker": rt.NoPanic,
	"MapOrderMatters": rt.Fails,

	// Patterns.
	"CondIf": rt.Fails, "DoubleChecked": rt.Fails, "GroupLeak": rt.NoLeak, "IdleTimer": rt.Fails, "Bus": rt.NoPanic,
	"SemaphoreUpgrade": rt.NoDeadlock, "ABA": rt.Fails, "Pool": rt.Fails, "Stopped": rt.NoPanic,
	"StopUnderLock": rt.NoDeadlock, "Reused": rt.NoPanic, "Closers": rt.NoPanic,

	// Of the standard library.
	"FanIn": rt.Fails, "PipeLeft": rt.NoLeak, "PipeCut": rt.Fails, "FanInFine": "", "PipeClosedFine": "", "SynctestFine": "", "StacksFine": "",

	// Signals of the process to itself.
	"SignalLost": rt.NoDeadlock, "SignalEarly": rt.NoPanic, "SignalToClosed": rt.NoPanic, "SignalsFine": "",

	// Sockets of this host.
	"Handlers": rt.Fails, "IdleClient": rt.NoDeadlock, "SlowClient": rt.Fails, "HandlersFine": "", "SocketsFine": "",

	// What a stranger's tests have.
	"Dotted": rt.NoDeadlock, "Pulled": rt.NoLeak, "ReflectedOrder": rt.Fails, "Beside": rt.Fails, "Copied": rt.NoPanic,
	"ForeignContext": rt.Fails, "SpinsAtTheEnd": rt.NoLeak,
	"PulledFine": "", "ReflectedFine": "", "BesideFine": "", "LongFine": "", "ThreadFine": "", "TellingFine": "",

	// What a test has of testing, where helpers are in other files.
	"Suite": rt.Fails, "SuiteFine": "", "CleanupFine": "", "InterfacesFine": "",

	"CondLoopFine": "", "DoubleCheckedFine": "", "GroupStopsFine": "", "IdleTimerFine": "", "BusFine": "", "ABAFine": "",
	"PoolFine": "", "SubtestsFine": "",
	"OrderedFine": "", "CheckAndActFine": "", "BufferedFine": "", "CloseOnceFine": "", "SignalFine": "",
	"PipelineFine": "", "TickerFine": "", "TickFine": "",
}

var (
	testName = regexp.MustCompile(`(?m)^=== RUN +Test(\w+)$`)
	broken   = regexp.MustCompile(`(?m)^ +\w+\.go:\d+: (no-[a-z-]+|ends-when-fair): `)
)

// answers explores all tests of a module, and returns what broke in each.
func answers(t *testing.T, args ...string) map[string]string {
	t.Helper()
	code, out := ask(t, args...)
	if code != exitBroken && code != exitHolds {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	all := map[string]string{}
	names := testName.FindAllStringSubmatchIndex(out, -1)
	for i, at := range names {
		end := len(out)
		if i+1 < len(names) {
			end = names[i+1][0]
		}
		name, said := out[at[2]:at[3]], out[at[1]:end]
		switch m := broken.FindStringSubmatch(said); {
		case m != nil:
			all[name] = m[1]
			if !strings.Contains(said, "repeated: 100 of 100 did the same") {
				t.Errorf("%s is not repeated 100 times:\n%s", name, said)
			}
		case strings.Contains(said, ": holds: "):
			all[name] = ""
		default:
			all[name] = said
		}
	}
	return all
}

// expect compares what broke with what is known.
func expect(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if is, ok := got[name]; !ok || is != want[name] {
			t.Errorf("%s: found %q, want %q", name, is, want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d tests, want %d: %v", len(got), len(want), slices.Sorted(maps.Keys(got)))
	}
}

// Goal: each known class of bugs is found, and nothing in what is right. At night,
// what is right is searched for longer.
func TestKernels(t *testing.T) {
	runs := "200"
	if !testing.Short() {
		runs = "5000"
	}
	expect(t, answers(t, "test", "-all", "-v", "-keep=false", "-C", "testdata/kernels", "-runs", runs), kernels)
}

// Goal: the examples have the mistakes that they are there for, and their fixes hold.
func TestExamples(t *testing.T) {
	expect(t, answers(t, "test", "-all", "-v", "-keep=false", "-C", "../../examples", "-runs", "300", "./..."), map[string]string{
		"Cache": rt.Fails, "CacheFixed": "",
		"Run": rt.NoLeak, "RunFixed": "",
		"CommitsFirst": rt.Fails, "CommitsLast": "",
		"Tracker": rt.Fails, "TrackerFixed": "",
	})
}
