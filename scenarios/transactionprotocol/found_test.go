package transactionprotocol

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/simtest"
)

var (
	rewrite = flag.Bool("rewrite", false, "write docs/found.md anew from what the searches answer")
	deep    = flag.Bool("deep", false, "search the worlds that CI has no time for, too")
)

// finding is a conjecture about Kafka, and what the search says of it.
type finding struct {
	name  string // of the subtest
	title string
	seen  string // by whom, or what would be
	story string // how it comes about, in words; or why it does not
	mends string // what would, or which rule does
	looks []look
}

// look is one world, searched for one claim.
type look struct {
	at    string // release, version, and what differs
	world World
	claim func(w *sim.World, p *parts)
	want  explore.Outcome
	fair  bool // the claim is that each run ends
	// deep says that CI has no time for the search. It replays the schedule that the
	// search has found, and takes its other answers from docs/found.md.
	deep bool
	// sampled is that not even -deep goes through all states to find the shortest
	// schedule: it samples, of this depth, and shortens what it finds.
	sampled int
	// open is that the search does not end; it stops after half a million states.
	open bool
	// kept is that no search finds the schedule of docs/found.md: it was written by hand
	// and shortened, and is replayed.
	kept bool
}

// build makes the world, with the claim.
func (l look) build() *sim.World {
	w := sim.NewWorld()
	p := l.world.build(w)
	if l.claim != nil {
		l.claim(w, p)
	}
	return w
}

// search goes through all states of a world, or samples it.
func (l look) search(t *testing.T) answer {
	t.Helper()
	sys, err := explore.NewWorlds(l.build)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	property := asked
	if l.fair {
		property = explore.EndsWhenFair
	}
	if l.sampled > 0 {
		r, err := explore.PCT(sys, 1, l.sampled, explore.Options{Limit: 10_000, Again: true})
		if err != nil {
			t.Fatal(err)
		}
		v := r.Verdict(property)
		a := answer{outcome: v.Outcome, says: fmt.Sprint(v.Err), size: grouped(r.Runs) + " sampled runs"}
		if v.Outcome == explore.Broken {
			a.schedule = explore.Shrink(sys, v.Schedule, property, 2_000).Schedule
		}
		return a
	}
	limit := 2_000_000
	if l.open {
		limit = 500_000
	}
	r, err := explore.States(sys, explore.Options{Limit: limit, Again: true})
	if err != nil {
		t.Fatal(err)
	}
	v := r.Verdict(property)
	return answer{v.Outcome, v.Schedule, fmt.Sprint(v.Err), grouped(r.States) + " states"}
}

// answer is what a search says.
type answer struct {
	outcome  explore.Outcome
	schedule sim.Schedule
	says     string
	size     string
}

// line tells it.
func (a answer) line(at string) string {
	switch a.outcome {
	case explore.Broken:
		return fmt.Sprintf("- Reachable: %s, in %d steps.\n", at, len(a.schedule))
	case explore.Exhausted:
		return fmt.Sprintf("- Not reachable: %s, in all %s.\n", at, a.size)
	}
	return fmt.Sprintf("- Not decided: %s, nothing in %s.\n", at, a.size)
}

// replay is the answer that a section has, and that its schedule still gives.
func (l look) replay(t *testing.T, section string) answer {
	t.Helper()
	_, text, _ := strings.Cut(section, "```text\n")
	text, _, _ = strings.Cut(text, "\n```")
	schedule, err := sim.ParseSchedule(strings.ReplaceAll(text, "\n", " "))
	if err != nil {
		t.Fatal(err)
	}
	broken, _ := simtest.Broken(l.build(), sim.NewReplay(schedule))
	for _, v := range broken {
		if v.Property == asked {
			return answer{outcome: explore.Broken, schedule: schedule, says: fmt.Sprint(v.Err)}
		}
	}
	t.Errorf("%s: the schedule of docs/found.md breaks %v, and not the claim", l.at, broken)
	return answer{}
}

const asked = "asked"

// finally is a claim about the ends of runs, always one about each state.
func finally(judge func(p *parts, c *sim.Claim)) func(*sim.World, *parts) {
	return func(w *sim.World, p *parts) { w.Finally(asked, func(c *sim.Claim) { judge(p, c) }) }
}

func always(judge func(p *parts, c *sim.Claim)) func(*sim.World, *parts) {
	return func(w *sim.World, p *parts) { w.Always(asked, func(c *sim.Claim) { judge(p, c) }) }
}

// Goal: docs/found.md says what the searches answer, of each conjecture. Method: all
// states of each world, for one claim; what is reachable shows the shortest schedule.
// -deep goes through the worlds that are large (make nightly).
func TestFound(t *testing.T) {
	const path = "../../docs/found.md"
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, text := range strings.Split(string(old), "\n## ")[1:] {
		title, _, _ := strings.Cut(text, "\n")
		sections[title] = "\n## " + text
	}
	b := &strings.Builder{}
	b.WriteString(foundHead)
	for _, f := range findings() {
		text := sections[f.title]
		t.Run(f.name, func(t *testing.T) {
			text = f.tell(t, text)
			if said(text) != said(sections[f.title]) && !*rewrite {
				t.Errorf("docs/found.md does not say what the searches answer; read it and run: go test ./scenarios/transactionprotocol -run TestFound -rewrite\n%s", text)
			}
		})
		b.WriteString(text)
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// said is a section without the numbers of states, which a change of the engine or of a
// model makes smaller or larger, and the schedule among equals that a search comes to first.
// -deep compares them too.
func said(section string) string {
	if *deep {
		return section
	}
	text, _, _ := strings.Cut(section, "```text")
	return states.ReplaceAllString(text, "states")
}

var states = regexp.MustCompile(`all [0-9,]+ states|in [0-9]+ steps`)

// tell is the section of a finding, of which there is an old one.
func (f finding) tell(t *testing.T, old string) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "\n## %s\n\n", f.title)
	var first answer
	var at string
	for _, l := range f.looks {
		var a answer
		line := ""
		switch {
		case (!l.deep || *deep) && !l.kept:
			a = l.search(t)
			if line = a.line(l.at); a.outcome != l.want && (!l.open || a.outcome == explore.Broken) {
				t.Errorf("%s: %s, want %s: %s (schedule: %v)", line, a.outcome, l.want, a.says, a.schedule)
			}
		case l.want == explore.Broken:
			a = l.replay(t, old)
			line = a.line(l.at)
		default:
			for kept := range strings.Lines(old) {
				if strings.HasPrefix(kept, "- Not ") && strings.Contains(kept, ": "+l.at+", ") {
					line = kept
				}
			}
			if line == "" {
				t.Errorf("docs/found.md has no answer for %q; run this test with -deep -rewrite", l.at)
			}
		}
		b.WriteString(line)
		if first.schedule == nil {
			first, at = a, l.at
		}
	}
	fmt.Fprintf(b, "- Seen: %s\n- How: %s\n- Mended by: %s\n", f.seen, f.story, f.mends)
	if first.schedule != nil {
		fmt.Fprintf(b, "- The search says, of %s: %s\n", at, first.says)
	}
	fmt.Fprintf(b, "- `go test ./scenarios/transactionprotocol -run TestFound/%s -v`\n", f.name)
	if first.schedule != nil {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", wrapped(strings.Split(first.schedule.String(), "; "), 100))
	}
	return b.String()
}

// grouped is a number with commas.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// wrapped joins steps in lines of at most so many columns.
func wrapped(steps []string, columns int) string {
	var lines []string
	line := ""
	for i, s := range steps {
		if i < len(steps)-1 {
			s += ";"
		}
		if line != "" && len(line)+1+len(s) > columns {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += s
	}
	return strings.Join(append(lines, line), "\n")
}

const foundHead = `# What the search found in Kafka's transactions

Generated by ` + "`go test ./scenarios/transactionprotocol -run TestFound -rewrite`" + ` from what the searches answer.
These are findings of models, which were read from Kafka's sources. None was reproduced on a running broker. Each
names a schedule, what a user sees, and what would mend it. The schedule is the shortest, but for the two elections of
the coordinator, whose spaces no search has finished. ` + "`docs/specification.md`" + ` has the rules; "C" is the
coordinator, "B0" a leader, "B1" its replica, "A" and "B" are producers, "log" is ` + "`__transaction_state`" + `.
"Reachable" holds of Kafka 4.3 unless it names another release.
`
