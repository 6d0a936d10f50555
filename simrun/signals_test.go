package simrun

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"racelab/sim/explore"
)

// Goal: SIGINT and SIGTERM end each long command, which says what was reached.
// Method: the signal is there before the work begins.
func TestSignals(t *testing.T) {
	for _, test := range []struct{ line, stdout, stderr string }{
		{"explore concurrent-transactions --strategy walk --limit 100000000", "strategy walk: ", "interrupted; what stands above"},
		{"explore concurrent-transactions --json --strategy walk --limit 100000000", `"complete": false`, "interrupted; what stands above"},
		{"check", " verdicts, 0 not as expected", "interrupted after "},
		{"sweep backoff --seeds 5", "", "nothing is kept without --out"},
		{"advise --window 3ms --seeds 5", "", "advise keeps nothing"},
	} {
		for _, signal := range []struct {
			os.Signal
			want int
		}{{os.Interrupt, exitInterrupted}, {syscall.SIGTERM, exitTerminated}} {
			var stdout, stderr strings.Builder
			a := command(&stdout, &stderr)
			a.notify = func(c chan<- os.Signal) { c <- signal.Signal }
			code := a.run(words(test.line))
			if code != signal.want || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("simrun %s at %v: exit code %d, stdout %.200q, stderr %q; want %d, %q, %q",
					test.line, signal.Signal, code, stdout.String(), stderr.String(), signal.want, test.stdout, test.stderr)
			}
		}
	}
}

// Goal: progress is a line on a terminal, from the first second on; elsewhere it is a
// line every 30 s.
func TestStatus(t *testing.T) {
	for _, test := range []struct {
		terminal bool
		want     string
	}{
		{true, "\r\x1b[K10 done, about 9s left\r\x1b[K12 done, about 9s left"},
		{false, ""},
	} {
		var out strings.Builder
		now := time.Unix(0, 0)
		s := &status{w: &out, terminal: test.terminal, now: func() time.Time { return now }}
		s.start()
		for i := range 12 {
			now = now.Add(100 * time.Millisecond)
			s.show(explore.Thousands(i+1)+" done", i+1, 100)
		}
		if out.String() != test.want {
			t.Errorf("on a terminal (%v): %q, want %q", test.terminal, out.String(), test.want)
		}
		if now = time.Unix(29, 0); !test.terminal {
			s.show("too early", 0, 0)
		}
		now = now.Add(time.Minute)
		s.show("more", 0, 0)
		s.show("and more", 0, 0)
		if got := strings.TrimPrefix(out.String(), test.want); strings.Count(got, "more") != 1 || !test.terminal && got != "more\n" {
			t.Errorf("on a terminal (%v) a minute later: %q, want one line", test.terminal, got)
		}
	}
}

// Goal: from 100,000 states on a search says how it goes on, and what that will take.
func TestOutlook(t *testing.T) {
	levels := []int{1, 20, 190, 1140, 4845, 15504, 38760, 77520} // binomials of 20: 1,048,576 in all
	for _, test := range []struct {
		states int
		levels []int
		want   string
	}{
		{99_999, levels, ""},
		{137_980, levels, "; 2.00 times as many with each step; of about 4e+05 in all, with 16s and 1.6 GB to come"},
		{200_000, []int{1, 2, 4, 8, 16, 32, 64, 128}, "; 2.00 times as many with each step, and no end is in sight"},
	} {
		r := &explore.Result{Strategy: "states", States: test.states, Levels: test.levels}
		if got := outlook(r, 10, 1e9); got != test.want {
			t.Errorf("%d states: %q, want %q", test.states, got, test.want)
		}
	}
}

// Goal: from a million states on, a search says how likely it is that it left one out.
func TestCollisions(t *testing.T) {
	for states, want := range map[int]string{999_999: "", 2_029_587: "and one was left out, is below 1e-07"} {
		var stdout, stderr strings.Builder
		a := command(&stdout, &stderr)
		var s search
		if err := s.find(a, "lost-update"); err != nil {
			t.Fatal(err)
		}
		if err := s.exploreText(a, &explore.Result{Strategy: "states", States: states}, nil); err != nil {
			t.Fatal(err)
		}
		if got := stdout.String(); !strings.Contains(got, want) || want == "" && strings.Contains(got, "fingerprint") {
			t.Errorf("%d states: %q, want %q", states, got, want)
		}
	}
}
