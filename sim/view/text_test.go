package view_test

import (
	"errors"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
	"racelab/sim/view"
)

// small is a run of two tasks, beside one that does nothing, in which the second
// property that broke is the one to look at.
func small() *view.Report {
	step := func(actor, label string) trace.Step {
		return trace.Step{Step: sim.Step{Actor: actor, Label: label, Occurrence: 1}, Lane: actor, At: sim.Never}
	}
	steps := []trace.Step{step("a", "read"), step("a", "add"), step("b", "read"), step("a", "write"), step("b", "write")}
	steps[3].Changes = []trace.Change{{Detail: trace.Detail{Of: "n", Name: "count", Value: "1"}, Was: "0"}}
	broke := func(property, err string, step int) view.Break {
		return view.Break{Violation: sim.Violation{Property: property, Err: errors.New(err)}, Step: step, Means: "you lose it."}
	}
	return &view.Report{
		Title:   "small",
		Trace:   &trace.Trace{Lanes: []trace.Lane{{Name: "a"}, {Name: "idle"}, {Name: "b"}}, Start: []trace.Detail{{Of: "idle", Name: "is", Value: "idle"}}, Steps: steps},
		Broken:  []view.Break{broke("no-loss", "one is lost", 5), broke("no-race", strings.Repeat("they race ", 12), 4)},
		Culprit: &explore.Culprit{Property: "no-loss", States: 7},
		Do:      "take a lock.",
		Repeat:  "simrun run small --schedule '" + strings.Repeat("a read; ", 12) + "b read'",
	}
}

// Goal: one break is drawn and told, the others get a line; a break that needs no
// order says so; what does nothing has no lane; a command can be copied.
func TestText(t *testing.T) {
	const want = `small

     a                       b
1-2  ● read, add             │
  3  │                       ● read
  4  ● write: n count 0 → 1  │
  5  │                       ● write
  ✗  no-loss: one is lost

why     every run breaks it: it needs no order of steps (checked in all 7 states)
also    no-race at step 4: they race they race they race they race they race they race they race th…
means   you lose it.
do      take a lock.
replay  simrun run small --schedule 'a read; a read; a read; a read; a read; a read; a read; a read;
          a read; a read; a read; a read; b read'
`
	if got := draw(t, small(), view.Options{}); got != want {
		t.Errorf("Text wrote\n%s\nwant\n%s", got, want)
	}
	full := draw(t, small(), view.Options{Full: true})
	for _, want := range []string{"  1  ● read   ", "  2  ● add   ", "they race they race\n        they race"} {
		if !strings.Contains(full, want) {
			t.Errorf("in full it is\n%s\nwant %q in it", full, want)
		}
	}
}

// Goal: a step that the culprit names is not folded away.
func TestStepsOfTheCulpritStand(t *testing.T) {
	r := small()
	r.Culprit.Orders = []explore.Order{{EarlierAt: 2, LaterAt: 5, Object: "n"}}
	if got := draw(t, r, view.Options{}); !strings.Contains(got, "  2  ● add ") {
		t.Errorf("step 2 is folded:\n%s", got)
	}
}

// Goal: in colour a break is red and a name beside a message dim, and nothing
// else changes.
func TestColour(t *testing.T) {
	r := saying("x")
	got := draw(t, r, view.Options{Colour: true})
	for _, want := range []string{"\x1b[1;31m  ✗      x: x\x1b[0m", "├─ \x1b[2mx\x1b[0m: Note x ──▶● x x → x"} {
		if !strings.Contains(got, want) {
			t.Errorf("in colour it is\n%q\nwant %q in it", got, want)
		}
	}
	if plain := strings.NewReplacer("\x1b[1;31m", "", "\x1b[2m", "", "\x1b[0m", "").Replace(got); plain != draw(t, r, view.Options{}) {
		t.Error("colour changes the text")
	}
}

func draw(t *testing.T, r *view.Report, o view.Options) string {
	t.Helper()
	var b strings.Builder
	if err := view.Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Goal: the page of a run is one file that asks nobody for anything, whatever the
// texts of the run are.
func TestHTML(t *testing.T) {
	r := small()
	r.Title = "</title><script>alert(1)</script>"
	r.Do = "</script><script>alert(2)</script>"
	var b strings.Builder
	if err := view.HTML(&b, r, view.Options{}); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("the page has %d scripts, want 1", n)
	}
	for _, out := range []string{"src=", "href=", "@import", "url(", "{{", "fetch("} {
		if strings.Contains(page, out) {
			t.Errorf("the page has %q: it is not whole by itself", out)
		}
	}
	if !strings.Contains(page, `"property":"no-loss"`) {
		t.Error("the page does not hold the run")
	}
}

// Goal: with all lanes a row knows its lane also where others do nothing, and folded
// rows cover the same steps.
func TestPageOf(t *testing.T) {
	some, all := view.PageOf(small(), false), view.PageOf(small(), true)
	if len(some.Lanes) != 2 || len(all.Lanes) != 3 || all.Rows[4].Lanes[0] != 2 || some.Rows[4].Lanes[0] != 1 {
		t.Errorf("lanes %v and %v; rows %v and %v", some.Lanes, all.Lanes, some.Rows[4].Lanes, all.Rows[4].Lanes)
	}
	if len(all.Rows) != 5 || len(all.Folded) != 4 || all.Folded[0].Last != 2 || all.Folded[0].Name != "read, add" {
		t.Errorf("%d rows, folded %v", len(all.Rows), all.Folded)
	}
}
