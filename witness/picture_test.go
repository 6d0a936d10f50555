package witness

import (
	"strings"
	"testing"

	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// Goal: a long run is drawn in few lines: its start, its end, and where a decision is.
func TestPictureOfALongRun(t *testing.T) {
	sys := search.New(func() {
		rt.Faults(1)
		for i := range 400 {
			rt.Go("even", func() { rt.Fault("even disk", "fails") })
			rt.Go("odd", func() { rt.Gosched() })
			rt.Sleep(1)
			if i == 399 {
				rt.Fail(failed("the end"))
			}
		}
	})
	defer sys.Close()
	d, err := ParseDecisions("even disk@200: even disk fails")
	if err != nil {
		t.Fatal(err)
	}
	out := play(sys, d)
	picture := out.picture()
	for _, want := range []string{"1 decision matters", "even disk  fails", "more such lines, up to step", "✗  the end"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture does not have %q", want)
		}
	}
	if n := strings.Count(picture, "\n"); n > 60 {
		t.Errorf("the picture has %d lines", n)
	}
	if t.Failed() {
		t.Log(picture)
	}
}

// Goal: what testify says of a failure is one line; other texts are as they are.
func TestPlain(t *testing.T) {
	testify := "Error Trace:\t/home/m/m_test.go:66\n\t            \t\t\t\t/usr/asm.s:17\n\tError:      \tNot equal: \n\t            \texpected: 2\n" +
		"\t            \tactual  : 1\n\t            \t\n\t            \tDiff:\n\t            \t--- Expected\n\t            \t+++ Actual\n\t            \t@@ -1 +1 @@\n\tTest:       \tTestM\n\tMessages:   \tnot yet"
	for text, want := range map[string]string{testify: "Not equal: expected: 2 actual: 1 not yet", "a\n\tb": "a\n\tb"} {
		if got := plain(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Goal: a decision that changes no goroutine, which case of a select it is, has a line of its own.
func TestPictureShowsEachDecision(t *testing.T) {
	sys := search.New(func() {
		a, b := make(chan int, 1), make(chan int, 1)
		rt.Chan(a).Send(1)
		rt.Chan(b).Send(1)
		if rt.Select(false, rt.RecvOf(a), rt.RecvOf(b)) == 1 {
			rt.Fail(failed("b"))
		}
	})
	defer sys.Close()
	d, err := ParseDecisions("main@4: main TestPictureShowsEachDecision.func1 select case 2, receive")
	if err != nil {
		t.Fatal(err)
	}
	out := play(sys, d)
	if picture := out.picture(); !strings.Contains(picture, "     4  main") {
		t.Error(picture)
	}
}
