package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racelab/scenarios"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// call runs simrun with the arguments.
func call(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = simrun(args, &out, &err)
	return code, out.String(), err.String()
}

// words splits a line into arguments; single quotes keep them together.
func words(line string) []string {
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// again runs a command as simrun prints it.
func again(t *testing.T, command string, more ...string) (code int, stdout, stderr string) {
	t.Helper()
	line, ok := strings.CutPrefix(command, "go run ./cmd/simrun ")
	if !ok {
		t.Fatalf("printed command %q does not begin with go run ./cmd/simrun", command)
	}
	return call(append(words(line), more...)...)
}

// decode reads exactly one JSON value.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(into); err != nil {
		t.Fatalf("output is no JSON: %v in\n%s", err, text)
	}
	if d.More() {
		t.Fatalf("there is more than one JSON value in\n%s", text)
	}
}

// refused checks that a call printed one line that holds each of the texts.
func refused(t *testing.T, args []string, texts ...string) {
	t.Helper()
	code, stdout, stderr := call(args...)
	if code != exitUsage || stdout != "" {
		t.Errorf("simrun %q: exit code %d and %d bytes on stdout, want %d and none", args, code, len(stdout), exitUsage)
	}
	line, isLine := strings.CutSuffix(stderr, "\n")
	if !isLine || strings.Contains(line, "\n") || !strings.HasPrefix(line, "simrun: ") || len(line) > 300 {
		t.Errorf("simrun %q: stderr %q, want one short line that begins with simrun:", args, stderr)
	}
	for _, text := range texts {
		if !strings.Contains(stderr, text) {
			t.Errorf("simrun %q: stderr %q, want %q in it", args, stderr, text)
		}
	}
	for _, text := range []string{"panic", "goroutine", "strconv", "invalid argument", "not_a_number"} {
		if strings.Contains(stderr, text) {
			t.Errorf("simrun %q: stderr %q, want no %q in it", args, stderr, text)
		}
	}
}

// Goal: bad input gets one line that names what was wrong and what is possible.
func TestBadInput(t *testing.T) {
	write := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const race = "offset-rewind"
	commands := "there is advise, check, diff, explore, help, list, run, show, sweep"
	names := "there is " + strings.Join(scenarioNames(), ", ")
	event := `want lines such as "G0 send"`
	for _, test := range []struct {
		name string
		args []string
		want []string // what was wrong, then what is possible
	}{
		{"unknown command", []string{"fly"}, []string{`"fly"`, commands}},
		{"empty command", []string{""}, []string{`""`, commands}},
		{"help for an unknown command", []string{"help", "fly"}, []string{`"fly"`, commands}},
		{"unknown flag, no command", []string{"--fast"}, []string{"--fast", "the flags of simrun are --help"}},

		{"run without a scenario", []string{"run"}, []string{"run takes one scenario, not 0", names}},
		{"run of two scenarios", []string{"run", race, race}, []string{"run takes one scenario, not 2", names}},
		{"explore without a scenario", []string{"explore"}, []string{"explore takes one scenario, not 0", names}},
		{"show without a scenario", []string{"show"}, []string{"show takes one scenario, not 0", names}},
		{"run of an unknown scenario", []string{"run", "rewind"}, []string{`"rewind"`, names}},
		{"explore of an unknown scenario", []string{"explore", "rewind"}, []string{`"rewind"`, names}},
		{"show of an unknown scenario", []string{"show", "rewind"}, []string{`"rewind"`, names}},
		{"check of an unknown scenario", []string{"check", race, "rewind"}, []string{`"rewind"`, names}},
		{"scenario of two lines", []string{"run", "a\nb"}, []string{`"a\nb"`, names}},
		{"unknown variant", []string{"run", race, "--variant", "fixed"}, []string{`"fixed"`, "unfixed, send-lock, commit-lock, broker-lock, build-outside, broker-lock-released"}},
		{"unknown variant, explore", []string{"explore", race, "--variant", "fixed"}, []string{`"fixed"`, "unfixed, send-lock, commit-lock, broker-lock, build-outside, broker-lock-released"}},

		{"unknown flag of run", []string{"run", race, "--fast"}, []string{"--fast", "the flags of run are ", "--format, ", "--schedule, --seed, --set, --variant"}},
		{"unknown flag of explore", []string{"explore", race, "--fast"}, []string{"--fast", "the flags of explore are ", "--strategy, "}},
		{"unknown flag of list", []string{"list", "--fast"}, []string{"--fast", "the flags of list are ", "--json"}},
		{"unknown flag of show", []string{"show", race, "--fast"}, []string{"--fast", "the flags of show are "}},
		{"unknown flag of check", []string{"check", "--fast"}, []string{"--fast", "the flags of check are ", "--json"}},
		{"unknown short flag", []string{"run", race, "-x"}, []string{"-x", "the flags of run are "}},
		{"flag without its value", []string{"run", race, "--variant"}, []string{"--variant", "the flags of run are "}},
		{"flag that is true or false", []string{"list", "--json=2"}, []string{`--json "2"`, "possible: true, false"}},

		{"no setting", []string{"run", race, "--set", "commits"}, []string{`"commits"`, "NAME=VALUE", "partitions, instances, commits, "}},
		{"unknown parameter", []string{"run", race, "--set", "threads=2"}, []string{`"threads"`, "partitions, instances, commits, "}},
		{"parameter out of range", []string{"explore", race, "--set", "commits=100001"}, []string{"commits=100001", "1 to 100000"}},
		{"parameter that is no number", []string{"run", race, "--set", "commits=two"}, []string{"commits=two", "1 to 100000"}},
		{"parameter without a value", []string{"run", race, "--set", "commits="}, []string{"commits=", "1 to 100000"}},
		{"parameter beyond any integer", []string{"run", race, "--set", "commits=99999999999999999999"}, []string{"commits=9", "1 to 100000"}},
		{"second setting wrong", []string{"run", race, "--set", "commits=1", "--set", "partitions=0"}, []string{"partitions=0", "1 to 64"}},

		{"diff of one variant", []string{"diff", race, "unfixed"}, []string{"diff takes a scenario and two of its variants, not 2 arguments"}},
		{"diff of an unknown scenario", []string{"diff", "rewind", "unfixed", "locked"}, []string{`"rewind"`, names}},
		{"diff of an unknown variant", []string{"diff", race, "unfixed", "fixed"}, []string{`"fixed"`, "unfixed, send-lock, "}},
		{"diff in a world of one's own", []string{"diff", race, "unfixed", "commit-lock", "--set", "commits=1"}, []string{"--set goes with --schedule"}},
		{"diff of a schedule that does not fit", []string{"diff", race, "unfixed", "commit-lock", "--schedule", "G0 send"}, []string{"G0 send", "possible: G0 mark, G1 mark"}},
		{"unknown flag of diff", []string{"diff", race, "unfixed", "commit-lock", "--fast"}, []string{"--fast", "the flags of diff are "}},

		{"unknown strategy", []string{"explore", race, "--strategy", "dfs"}, []string{`--strategy "dfs"`, "possible: states, ", "walk"}},
		{"unknown format", []string{"run", race, "--format", "xml"}, []string{`--format "xml"`, "possible: text, json, mermaid, porcupine"}},
		{"history of a scenario without one", []string{"run", "lost-update", "--format", "porcupine"}, []string{"--format porcupine: lost-update has no history", "possible: offset-rewind, commit-reconnect"}},
		{"seed and schedule", []string{"run", race, "--seed", "1", "--schedule", "G0 mark"}, []string{"--seed and --schedule", "one of them"}},
		{"seed without chance", []string{"explore", race, "--strategy", "states", "--seed", "1"}, []string{"--seed", "--strategy pct, uniform or walk"}},
		{"seed that is no number", []string{"run", race, "--seed", "abc"}, []string{`--seed "abc"`, "whole numbers from 0"}},
		{"seed below 0", []string{"explore", race, "--strategy", "walk", "--seed", "-1"}, []string{`--seed "-1"`, "whole numbers from 0"}},
		{"no runs", []string{"explore", race, "--runs", "0"}, []string{"--runs 0", "want 1 or more"}},
		{"runs below 0", []string{"explore", race, "--runs", "-5"}, []string{"--runs -5", "want 1 or more"}},
		{"runs that are no number", []string{"explore", race, "--runs", "1e3"}, []string{`--runs "1e3"`, "whole numbers"}},
		{"time that is none", []string{"explore", race, "--for", "30"}, []string{`--for "30"`, "times such as 30s"}},
		{"no time", []string{"explore", race, "--for", "0s"}, []string{"--for 0s", "a time such as 30s"}},
		{"no workers", []string{"explore", race, "--workers", "0"}, []string{"--workers 0", "1 to 256"}},
		{"no depth", []string{"explore", race, "--strategy", "pct", "--depth", "0"}, []string{"--depth 0", "1 to 20"}},
		{"depth without priorities", []string{"explore", race, "--depth", "2"}, []string{"--depth", "--strategy pct"}},
		{"list with an argument", []string{"list", race}, []string{`"` + race + `"`, "--json"}},

		{"impossible event", []string{"run", race, "--schedule", "G0 mark; G9 send"}, []string{"line 1", `"G9 send"`, "possible: G0 construct request, G1 mark"}},
		{"event of another occurrence", []string{"run", race, "--schedule", "G0 mark#2"}, []string{"line 1", `"G0 mark#2"`, "number 1 of its kind", "possible: G0 mark, G1 mark"}},
		{"events after the end", []string{"run", race, "--set", "partitions=1", "--set", "commits=1", "--schedule",
			"G0 mark; G0 construct request; G0 snapshot; G0 coordinator; G0 send; G0->coordinator OffsetCommit; G0 await response; G0 handle response; G0 update committed; G0 release poms; G0 mark"},
			[]string{"line 1", `event 11, "G0 mark"`, "the run has ended (finished) with event 10"}},
		{"event without an occurrence", []string{"run", race, "--schedule", "G0 mark#x"}, []string{"line 1", `"G0 mark#x"`, "a number from 1"}},
		{"text that is no event", []string{"run", race, "--schedule", "G0 mark;send"}, []string{"line 1", `"send"`, "ACTOR LABEL"}},
		{"schedule of nothing", []string{"run", race, "--schedule", ""}, []string{`""`, `"G0 mark; G0 send"`}},
		{"schedule of a blank", []string{"run", race, "--schedule", " "}, []string{"has no event", event}},
		{"missing file", []string{"run", race, "--schedule", "missing.schedule"}, []string{`"missing.schedule"`, "file", `"G0 mark; G0 send"`}},
		{"folder", []string{"run", race, "--schedule", t.TempDir()}, []string{"file", `"G0 mark; G0 send"`}},
		{"empty file", []string{"run", race, "--schedule", write("empty", "")}, []string{"empty", "has no event", event}},
		{"file of comments", []string{"run", race, "--schedule", write("comments", "# G0 mark\n\n# G0 send\n")}, []string{"comments", "has no event", event}},
		{"file with an impossible event", []string{"run", race, "--schedule", write("wrong", "# the race\n\nG0 mark\nG9 send\n")}, []string{"line 4", `"G9 send"`, "possible: G0 construct request, G1 mark"}},
		{"file cut in an event", []string{"run", race, "--schedule", write("cut", "G0 mark\nG0 snaps")}, []string{"line 2", `"G0 snaps"`, "possible: G0 construct request, G1 mark"}},
		{"file cut in a name", []string{"run", race, "--schedule", write("cut", "G0 mark\nG")}, []string{"cut", "line 2", `"G"`, "ACTOR LABEL"}},
		{"binary file", []string{"run", race, "--schedule", write("binary", "G0 mark\n\x7fELF\x02\x01\x00\xff")}, []string{"binary", "line 2", "not text", event}},
		{"file of zeros", []string{"run", race, "--schedule", write("zeros", strings.Repeat("\x00", 100_000))}, []string{"zeros", "line 1", "not text", event}},
	} {
		t.Run(test.name, func(t *testing.T) { refused(t, test.args, test.want...) })
	}
}

// Goal: wherever a schedule file is cut, it is a shorter schedule or refused.
func TestCutSchedules(t *testing.T) {
	s := scenarios.All()[0]
	whole, err := sim.ParseSchedule(s.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut")
	refusals := 0
	for n := range len(whole.Lines()) {
		if err := os.WriteFile(path, []byte(whole.Lines()[:n]), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"run", s.Name, "--schedule", path}
		switch code, _, stderr := call(args...); {
		case code == exitUsage:
			refusals++
			refused(t, args, "schedule")
		case stderr != "" || code != exitUnfinished && code != exitBroken:
			t.Errorf("schedule cut after %d bytes: exit code %d and %q on stderr, want %d or %d and nothing", n, code, stderr, exitUnfinished, exitBroken)
		}
	}
	if refusals == 0 {
		t.Error("no cut was refused")
	}
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		line string
		want int
	}{
		{"", exitHolds},
		{"help run", exitHolds},
		{"run --help", exitHolds},
		{"list", exitHolds},
		{"show offset-rewind", exitHolds},
		{"check lost-update", exitHolds},
		{"diff lost-update unfixed locked", exitHolds},
		{"diff offset-rewind unfixed commit-lock --schedule 'G0 mark; G0 construct request'", exitHolds},
		{"check stale-snapshot", exitHolds},
		{"sweep", exitHolds},
		{"sweep --json", exitHolds},
		{"sweep commit-cost --seeds 1", exitHolds},
		{"run offset-rewind", exitBroken},
		{"run offset-rewind --format json", exitBroken},
		{"run offset-rewind --format mermaid", exitBroken},
		{"run commit-reconnect --format porcupine", exitBroken},
		{"run commit-reconnect --variant chained --format porcupine", exitHolds},
		{"run offset-rewind --variant commit-lock", exitHolds},
		{"run offset-rewind --variant broker-lock", exitNotExercised},
		{"run offset-rewind --schedule 'G0 mark; G0 construct request'", exitUnfinished},
		{"run offset-rewind --set partitions=1 --set commits=1", exitNotExercised},
		{"explore offset-rewind", exitBroken},
		{"explore offset-rewind --json", exitBroken},
		{"explore offset-rewind --first", exitBroken},
		{"explore offset-rewind --variant commit-lock", exitHolds},
		{"explore offset-rewind --variant broker-lock", exitHolds},
		{"explore offset-rewind --variant broker-lock --runs 1000", exitUnfinished},
		{"explore offset-rewind --set partitions=1 --set commits=1", exitNotExercised},
		{"explore offset-rewind --strategy walk", exitBroken},
		{"explore offset-rewind --strategy walk --seed 16 --runs 1", exitBroken},
		{"explore offset-rewind --strategy walk --variant commit-lock", exitHolds},
		{"explore offset-rewind --strategy walk --variant broker-lock", exitHolds},
	} {
		if code, stdout, stderr := call(words(test.line)...); code != test.want || stdout == "" || stderr != "" {
			t.Errorf("simrun %s: exit code %d, %d bytes on stdout, %q on stderr; want %d, some, none", test.line, code, len(stdout), stderr, test.want)
		}
	}
}

// Goal: where several exit codes apply, 1 comes before 3, 3 before 4, 4 before 5.
func TestPrecedenceOfExitCodes(t *testing.T) {
	code := func(err error) int {
		var e exit
		errors.As(err, &e)
		return int(e)
	}
	found := func(property string, o explore.Outcome) explore.Verdict {
		return explore.Verdict{Property: property, Outcome: o}
	}
	broken, deadlock := found("p", explore.Broken), found(sim.NoDeadlock, explore.Broken)
	untested, unfinished := found("q", explore.NotExercised), found("r", explore.Unfinished)
	for _, test := range []struct {
		verdicts []explore.Verdict
		want     int
	}{
		{nil, exitHolds},
		{[]explore.Verdict{found("p", explore.Exhausted), found("q", explore.Sampled)}, exitHolds},
		{[]explore.Verdict{unfinished, untested, deadlock, broken}, exitBroken},
		{[]explore.Verdict{unfinished, untested, deadlock}, exitDeadlock},
		{[]explore.Verdict{unfinished, untested, found(sim.NoProgress, explore.Broken)}, exitDeadlock},
		{[]explore.Verdict{unfinished, untested}, exitNotExercised},
		{[]explore.Verdict{unfinished}, exitUnfinished},
	} {
		if got := code(searchVerdict(&explore.Result{Verdicts: test.verdicts})); got != test.want {
			t.Errorf("exit code of the search %v: %d, want %d", test.verdicts, got, test.want)
		}
	}
	broke := func(property string) view.Break { return view.Break{Violation: sim.Violation{Property: property}} }
	for _, test := range []struct {
		report view.Report
		want   int
	}{
		{view.Report{Ending: sim.Finished}, exitHolds},
		{view.Report{Ending: sim.Stuck, Broken: []view.Break{broke(sim.NoDeadlock), broke("p")}}, exitBroken},
		{view.Report{Ending: sim.Stuck, Broken: []view.Break{broke(sim.NoDeadlock)}, Vacuous: []string{"q"}}, exitDeadlock},
		{view.Report{Ending: sim.Stuck, Broken: []view.Break{broke(sim.NoProgress)}, Vacuous: []string{"q"}}, exitDeadlock},
		{view.Report{Ending: sim.Finished, Vacuous: []string{"q"}}, exitNotExercised},
		{view.Report{Ending: sim.ScheduleEnded}, exitUnfinished},
		{view.Report{Ending: sim.StepLimit}, exitUnfinished},
	} {
		if got := code(runVerdict(&test.report)); got != test.want {
			t.Errorf("exit code of a run that ended by %q, broke %v and left %v vacuous: %d, want %d",
				test.report.Ending, test.report.Broken, test.report.Vacuous, got, test.want)
		}
	}
}

// Goal: the JSON of each command has the fields that are documented. Fields may
// be added.
func TestJSONHasItsFields(t *testing.T) {
	has := func(what string, object any, fields string) {
		t.Helper()
		got, ok := object.(map[string]any)
		if !ok {
			t.Fatalf("%s is %v, want an object", what, object)
		}
		for _, field := range strings.Fields(fields) {
			if value, ok := got[field]; !ok || value == nil {
				t.Errorf("%s has %s = %v, want a value", what, field, value)
			}
		}
	}
	each := func(object any, field string) []any {
		t.Helper()
		list, ok := object.(map[string]any)[field].([]any)
		if !ok {
			t.Fatalf("%s is %v, want a list", field, object.(map[string]any)[field])
		}
		return list
	}
	read := func(line string, into any) {
		t.Helper()
		_, stdout, stderr := call(words(line)...)
		if stderr != "" {
			t.Errorf("simrun %s: %q on stderr, want nothing", line, stderr)
		}
		decode(t, stdout, into)
	}
	var list []any
	read("list --json", &list)
	if len(list) != len(scenarios.All()) {
		t.Fatalf("list --json has %d scenarios, want %d", len(list), len(scenarios.All()))
	}
	seen := map[string]int{}
	all := func(what string, objects []any, fields string) {
		t.Helper()
		seen[what] += len(objects)
		for _, object := range objects {
			has(what, object, fields)
		}
	}
	for _, s := range list {
		has("a scenario", s, "name title stake parameters variants worlds properties claims")
		all("a parameter", each(s, "parameters"), "name help default takes")
		all("a variant", each(s, "variants"), "name release what expected")
		all("a world", each(s, "worlds"), "name parameters")
		all("a claim", each(s, "claims"), "id says verdict evidence")
	}
	for _, line := range []string{"run offset-rewind --format json", "run offset-rewind --variant commit-lock --format json"} {
		var run map[string]any
		read(line, &run)
		has("a run", run, "title ending broken culprit vacuous schedule lanes steps final repeat")
		all("a step", each(run, "steps"), "event lane choices acts reads writes changes")
		all("a break", each(run, "broken"), "property step error")
		all("an order", each(run, "culprit"), "earlier earlier_at later later_at object")
	}
	for _, strategy := range strategies {
		for _, variant := range []string{"unfixed", "commit-lock"} {
			var search map[string]any
			read("explore offset-rewind --json --variant "+variant+" --strategy "+strategy, &search)
			has("a search", search, "scenario variant parameters strategy states transitions classes redundant runs steps complete verdicts")
			all("a verdict", each(search, "verdicts"), "property outcome bad")
			for _, verdict := range each(search, "verdicts") {
				if verdict.(map[string]any)["outcome"] == string(explore.Broken) {
					all("a broken verdict", []any{verdict}, "error schedule repeat")
				}
			}
		}
	}
	var swept []any
	read("sweep --json", &swept)
	all("a sweep", swept, "name title question measured parameters panels series columns seeds")
	var sweep map[string]any
	read("sweep commit-cost --seeds 2 --json", &sweep)
	has("a swept result", sweep, "sweep parameters seeds findings rows repeat")
	all("a swept row", each(sweep, "rows"), "panel value series columns")
	for _, row := range each(sweep, "rows") {
		for _, column := range []string{"total", "requests"} {
			has("column "+column, row.(map[string]any)["columns"].(map[string]any)[column], "value low high")
		}
	}
	var check map[string]any
	read("check --json lost-update stale-snapshot", &check)
	has("a check", check, "as_expected rows")
	all("a row", each(check, "rows"), "scenario variant world property expected outcome as_expected states transitions")
	if check["as_expected"] != true {
		t.Errorf("as_expected is %v, want true", check["as_expected"])
	}
	for _, what := range []string{"a parameter", "a variant", "a world", "a claim", "a step", "a break", "an order", "a verdict", "a broken verdict", "a row", "a sweep", "a swept row"} {
		if seen[what] == 0 {
			t.Errorf("none of the output holds %s", what)
		}
	}
}

// Goal: the command that a search prints breaks what the search says it breaks.
func TestRepeatBreaksTheSameProperty(t *testing.T) {
	breaks := func(property, command string) {
		t.Helper()
		code, stdout, stderr := again(t, command, "--format", "json")
		if code == exitUsage {
			t.Errorf("%s: %s", command, stderr)
			return
		}
		var run view.RunJSON
		decode(t, stdout, &run)
		shown := slices.ContainsFunc(run.Broken, func(b view.BreakJSON) bool { return b.Property == property })
		if !shown || code != exitBroken && code != exitDeadlock {
			t.Errorf("%s breaks %v and has exit code %d, want %s and %d or %d", command, run.Broken, code, property, exitBroken, exitDeadlock)
		}
	}
	for _, s := range scenarios.All() {
		flags := []string{"--first"}
		switch s.Name {
		case "offset-rewind":
			flags = append(flags, "--set batch=2")
		case "stale-snapshot":
			for _, strategy := range strategies {
				flags = append(flags, "--set marks=3 --strategy "+strategy, "--first --strategy "+strategy)
			}
		}
		for _, flag := range flags {
			line := "explore " + s.Name + " " + flag
			var search exploreJSON
			_, stdout, _ := call(words(line + " --json")...)
			decode(t, stdout, &search)
			var broken []string
			for _, v := range search.Verdicts {
				if v.Outcome == explore.Broken {
					broken = append(broken, v.Property)
					breaks(v.Property, v.Repeat)
				}
			}
			if broken == nil {
				t.Errorf("%s breaks nothing: it puts no printed command to the test", line)
			}
			_, stdout, _ = call(words(line)...)
			commands := regexp.MustCompile(`(?m)repeat: (.*)$`).FindAllStringSubmatch(stdout, -1)
			if len(commands) != len(broken) {
				t.Errorf("%s prints %d commands, want one for each of %v", line, len(commands), broken)
				continue
			}
			for i, property := range broken {
				breaks(property, commands[i][1])
			}
		}
	}
}

// Goal: the command that a run prints gives the run again.
func TestRepeatGivesTheSameRun(t *testing.T) {
	for _, line := range []string{
		"run offset-rewind",
		"run offset-rewind --variant broker-lock",
		"run offset-rewind --seed 16 --set commits=1",
		"run offset-rewind --schedule 'G0 mark; G1 mark' --set commits=1",
	} {
		_, first, _ := call(words(line + " --format json")...)
		var run view.RunJSON
		decode(t, first, &run)
		if _, second, _ := again(t, run.Repeat, "--format", "json"); second != first {
			t.Errorf("%s prints the command %s, which gives another run", line, run.Repeat)
		}
	}
}

// Goal: every command that the registry shows to a reader is one.
func TestPrintedCommandsAreAccepted(t *testing.T) {
	text := ""
	for _, page := range scenarios.Pages() {
		text += page.Text
	}
	want := 0
	for _, s := range scenarios.All() {
		_, story, _ := call("show", s.Name)
		text += story
		want += 3 // Run, explore and check, at least.
	}
	commands := regexp.MustCompile("go run \\./cmd/simrun[^`\n]*").FindAllString(text, -1)
	slices.Sort(commands)
	commands = slices.Compact(commands)
	if len(commands) < want {
		t.Errorf("%d commands are shown, want at least %d", len(commands), want)
	}
	for _, command := range commands {
		// A check takes long, and names scenarios as show does.
		command = strings.Replace(strings.Replace(command, "simrun check ", "simrun show ", 1), "simrun check", "simrun list", 1)
		if strings.Contains(command, "simrun sweep ") {
			command += " --seeds 1"
		}
		if code, _, stderr := again(t, command); code == exitUsage || stderr != "" {
			t.Errorf("%s: exit code %d, %q on stderr; want a verdict and nothing", command, code, stderr)
		}
	}
}

// Goal: the same command prints the same bytes, with any number of workers.
func TestSameCommandSameBytes(t *testing.T) {
	lines := []string{
		"list", "list --json", "show offset-rewind", "check stale-snapshot", "check --json stale-snapshot",
		"run offset-rewind", "run offset-rewind --format json", "run offset-rewind --variant broker-lock --seed 7 --format json",
		"run offset-rewind --format mermaid", "explore offset-rewind", "sweep", "sweep --json", "diff offset-rewind unfixed broker-lock",
	}
	for _, strategy := range strategies {
		for _, flag := range []string{"", " --json", " --first --json", " --runs 50 --json"} {
			lines = append(lines, "explore stale-snapshot --strategy "+strategy+flag)
		}
	}
	lines = append(lines, "sweep commit-cost --seeds 3", "sweep commit-cost --seeds 3 --json")
	for _, line := range lines {
		others := []string{line}
		if strings.HasPrefix(line, "explore") || strings.HasPrefix(line, "sweep commit-cost") {
			others = []string{line + " --workers 1", line + " --workers 3"}
		}
		_, first, _ := call(words(line)...)
		for _, line := range others {
			if _, second, _ := call(words(line)...); second != first {
				t.Errorf("simrun %s printed\n%s\nwhere it, or its default number of workers, printed\n%s", line, second, first)
			}
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Goal: what could not be written is never taken for a verdict.
func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, line := range []string{
		"list", "list --json", "show offset-rewind", "check stale-snapshot", "check --json stale-snapshot",
		"run offset-rewind", "run offset-rewind --format json", "run offset-rewind --format mermaid", "explore offset-rewind", "explore offset-rewind --json",
		"sweep", "sweep --json", "sweep commit-cost --seeds 1", "sweep commit-cost --seeds 1 --json",
	} {
		var stderr strings.Builder
		code := simrun(words(line), full{}, &stderr)
		if want := "simrun: no space left on device\n"; code != exitUsage || stderr.String() != want {
			t.Errorf("simrun %s > /dev/full: exit code %d and %q on stderr, want %d and %q", line, code, stderr.String(), exitUsage, want)
		}
	}
}

// Goal: a run's history as a page shows what the clients did, and is the same to
// the byte.
func TestHistoryAsAPage(t *testing.T) {
	_, first, _ := call("run", "commit-reconnect", "--format", "porcupine")
	for range 5 {
		if _, again, _ := call("run", "commit-reconnect", "--format", "porcupine"); again != first {
			t.Fatal("two pages of one run differ")
		}
	}
	if !strings.HasPrefix(first, "<!doctype html>") {
		t.Errorf("the page begins with %.40q", first)
	}
	for _, text := range []string{`"auto1 commits P0: 11, no answer"`, `"app commits P0: 12"`, `"successor fetches P0: 11"`} {
		if !strings.Contains(first, text) {
			t.Errorf("the page has no %s", text)
		}
	}
}

// Goal: diff shows where two variants part, with a schedule that tells them
// apart, whichever of the two it is that breaks.
func TestDiffShowsWhereTheyPart(t *testing.T) {
	for _, test := range []struct {
		line  string
		wants []string
	}{
		{"diff offset-rewind unfixed commit-lock", []string{
			"the shortest that breaks committed-offset-never-rewinds in unfixed, world 2x2",
			"in commit-lock: ", "they do the same for 1 steps, and part there:",
			"unfixed: step 2, G0 construct request", "commit-lock: step 2, G0 commit",
			"✗  committed-offset-never-rewinds: ", "the same up to here",
		}},
		{"diff stale-snapshot locked unfixed", []string{
			"the shortest that breaks committed-never-falls in unfixed, world 2x2", "in locked: ",
		}},
		{"diff stale-member-commit kip-848 kip-848", []string{
			"the story of the race, as no property is expected to tell the two apart", "they do the same, for all of ",
		}},
	} {
		_, stdout, _ := call(words(test.line)...)
		for _, want := range test.wants {
			if !strings.Contains(stdout, want) {
				t.Errorf("simrun %s prints\n%s\nwant %q in it", test.line, stdout, want)
			}
		}
	}
}
