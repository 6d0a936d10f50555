package view_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/trace"
	"racelab/sim/view"
)

// note is a message of any text.
type note string

func (n note) Name() string   { return "Note" }
func (n note) String() string { return string(n) }

// Text that Mermaid would take for something else.
var hostile = []string{
	`;`, `a;b`, `#`, `#35;`, `{P0: 11}`, `}`, `%%{init: {"theme": "dark"}}%%`, `%% no comment`, `a->b`, `a->>b: c`, `a-->>b`, `-x`, `-)`,
	`<b>`, `<br/>`, `&amp;`, `$$x^2$$`, `end`, `rect`, `note`, `wrap: x`, `:wrap: x`, `as`, `p0`, `a as b`, `x@{ "type": "actor" }`,
	"line\nline", `\n`, "`code`", `"quoted"`, `'quoted'`, `participant x`, `title x`, `Note over p0: x`, ` `, `✗ ├─▶`, `(x)`, `[x]`, `+`, `-`, `*_x_*`,
}

// saying returns a report in which a task t and a node n say the text wherever
// text can stand.
func saying(text string) *view.Report {
	say := func(a sim.Action, actor, peer string) sim.Act {
		return sim.Act{Action: a, Actor: actor, Peer: peer, Message: note(text)}
	}
	step := func(actor string, acts ...sim.Act) trace.Step {
		return trace.Step{Step: sim.Step{Actor: actor, Label: text, Occurrence: 1}, Lane: actor, Acts: acts,
			Changes: []trace.Change{{Detail: trace.Detail{Of: actor, Name: text, Value: text}, Was: text}}}
	}
	t, n := "t "+text, "n "+text
	return &view.Report{
		Title: text,
		Trace: &trace.Trace{
			Lanes: []trace.Lane{{Name: t, Kind: trace.TaskLane}, {Name: n, Kind: trace.NodeLane}},
			Start: []trace.Detail{{Of: t, Name: text, Value: text}},
			Steps: []trace.Step{
				step(t, say(sim.Sent, t, n)),
				step(n, say(sim.Arrived, n, t), say(sim.Answered, n, t)),
				step(t, say(sim.Received, t, n)),
				step(t),
			},
		},
		Broken: []view.Break{{Violation: sim.Violation{Property: text, Err: errors.New(text)}, Step: 3}},
		Notes:  []string{text},
		Repeat: text,
	}
}

func mermaid(t *testing.T, r *view.Report) string {
	t.Helper()
	var b strings.Builder
	if err := view.Mermaid(&b, r, view.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Goal: each part of a run has its form.
func TestMermaid(t *testing.T) {
	const want = `sequenceDiagram
  participant p0 as t x
  participant p1 as n x
  Note over p0,p1:wrap: x
  Note over p0,p1:wrap: at the start: t x x x
  Note over p0: 1 x: x ▷
  p0->>p1: 2 x: Note x
  Note right of p1: x x → x
  p1-->>p0: 3 x: Note x
  Note right of p0: x x → x
  rect rgba(220, 40, 40, 0.4)
  Note over p0,p1:wrap: ✗ x: x
  end
  Note over p0: 4 x: x x → x
  Note over p0,p1:wrap: note: x
  %% replay: x
`
	if got := mermaid(t, saying("x")); got != want {
		t.Errorf("Mermaid wrote\n%s\nwant\n%s", got, want)
	}
}

// Goal: no text becomes a statement. Method: whatever the text, the statements
// are those of a run that says x, and hold nothing that Mermaid acts on.
func TestMermaidEscapes(t *testing.T) {
	form := func(r *view.Report) (form []string) {
		for line := range strings.Lines(mermaid(t, r)) {
			statement, text, _ := strings.Cut(line, ":")
			if rest, ok := strings.CutPrefix(text, "wrap:"); ok {
				statement, text = statement+":wrap", rest
			}
			if participant, _, ok := strings.Cut(statement, " as "); ok {
				statement, text = participant, line[len(participant):]
			}
			form = append(form, strings.TrimSuffix(statement, "\n"))
			if strings.HasPrefix(statement, "  %%") {
				if strings.Contains(text, "%%{") {
					t.Errorf("%q holds a directive", line)
				}
				continue
			}
			text = entity.Replace(text)
			if i := strings.IndexAny(strings.ReplaceAll(text, "<br/>", ""), "#;{}<>&%$\\`\""); i >= 0 {
				t.Errorf("%q keeps a sign that Mermaid acts on", line)
			}
		}
		return form
	}
	want := fmt.Sprint(form(saying("x")))
	for _, text := range hostile {
		if got := fmt.Sprint(form(saying(text))); got != want {
			t.Errorf("a run that says %q has the statements\n%s\nwant\n%s", text, got, want)
		}
	}
}

// entity takes away the signs that are escaped.
var entity = func() *strings.Replacer {
	var pairs []string
	for r := rune(' '); r < 127; r++ {
		pairs = append(pairs, fmt.Sprintf("#%d;", r), "")
	}
	return strings.NewReplacer(pairs...)
}()
