package simrun

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/scenarios"
	"racelab/scenarios/lostupdate"
	"racelab/scenarios/offsetrewind"
	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// command is the command over the lab's scenarios.
func command(stdout, stderr io.Writer) *app {
	return &app{program: "simrun", all: scenarios.All(), stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, notify: func(chan<- os.Signal) {}}
}

// call runs simrun with the arguments.
func call(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = command(&out, &err).run(args)
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
	line, ok := strings.CutPrefix(command, "simrun ")
	if !ok {
		t.Fatalf("printed command %q does not begin with simrun", command)
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
	if !isLine || strings.Contains(line, "\n") || !strings.HasPrefix(line, "simrun: ") || len(line) > 1000 { // It may list all scenarios.
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

// Goal: bad input gets one line that says what was wrong, what is nearest and what
// is possible. The file has command lines and what each prints on stderr; rewrite it
// with `go test ./simrun -run TestBadInput -rewrite`, and read the difference.
func TestBadInput(t *testing.T) {
	golden, err := filepath.Abs("testdata/bad_input")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"empty": "", "wrong": "# the race\n\nG0 mark\nG9 send\n", "cut": "G0 mark\nG0 snaps",
		"cut-in-a-name": "G0 mark\nG", "binary": "G0 mark\n\x7fELF\x02\x01\x00\xff", "zeros": strings.Repeat("\x00", 100_000),
		"commit-cost.journal": "my diary\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	datadriven.RunTest(t, golden, func(t *testing.T, d *datadriven.TestData) string {
		var b strings.Builder
		for line := range strings.Lines(d.Input) {
			args := words(strings.TrimPrefix(d.Cmd+" ", "simrun ") + line)
			refused(t, args)
			_, _, stderr := call(args...)
			b.WriteString(stderr)
		}
		return b.String()
	})
	if left, _ := filepath.Glob("*"); len(left) != 7 {
		t.Errorf("commands that were refused left %v", left)
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
		args := []string{"run", s.Name, "--exit-status", "--schedule", "@" + path}
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
		{"--version", exitHolds},
		{"version --json", exitHolds},
		{"list --release sarama@1.43.2", exitHolds},
		{"list --release kafka@9.0 --json", exitHolds},
		{"why CONCURRENT_TRANSACTIONS", exitHolds},
		{"why no such thing", exitVacuous},
		{"run offset-rewind", exitHolds},
		{"run offset-rewind --json", exitHolds},
		{"run offset-rewind --format mermaid", exitHolds},
		{"run commit-reconnect --format porcupine", exitHolds},
		{"run offset-rewind --schedule 'G0 mark; G0 construct request'", exitHolds},
		{"run offset-rewind --exit-status", exitBroken},
		{"run commit-reconnect --exit-status --format porcupine", exitBroken},
		{"run commit-reconnect/chained --exit-status --format porcupine", exitHolds},
		{"run offset-rewind/commit-lock --exit-status", exitHolds},
		{"run offset-rewind/broker-lock --exit-status", exitVacuous},
		{"run offset-rewind --exit-status --schedule 'G0 mark; G0 construct request'", exitUnfinished},
		{"run offset-rewind --exit-status --set partitions=1 --set 'commits = 1'", exitVacuous},
		{"explore offset-rewind", exitBroken},
		{"explore offset-rewind --json", exitBroken},
		{"explore offset-rewind --fail-fast", exitBroken},
		{"explore offset-rewind/commit-lock", exitHolds},
		{"explore stale-snapshot --waste", exitHolds},
		{"explore offset-rewind/broker-lock@2x2", exitHolds},
		{"explore offset-rewind --variant broker-lock --limit 1000", exitUnfinished},
		{"explore offset-rewind --set partitions=1 --set commits=1", exitVacuous},
		{"explore offset-rewind --strategy pos", exitBroken},
		{"explore offset-rewind --strategy walk", exitBroken},
		{"explore offset-rewind --strategy walk --seed 16 --limit 1", exitBroken},
		{"explore offset-rewind --strategy walk --variant commit-lock", exitHolds},
		{"explore offset-rewind --strategy walk --variant broker-lock", exitHolds},
	} {
		if code, stdout, stderr := call(words(test.line)...); code != test.want || stdout == "" || stderr != "" && code != exitUnfinished {
			t.Errorf("simrun %s: exit code %d, %d bytes on stdout, %q on stderr; want %d, some, and none unless it is unfinished", test.line, code, len(stdout), stderr, test.want)
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
	vacuous, unfinished := found("q", explore.Vacuous), found("r", explore.Unfinished)
	for _, test := range []struct {
		verdicts []explore.Verdict
		want     int
	}{
		{nil, exitHolds},
		{[]explore.Verdict{found("p", explore.Exhausted), found("q", explore.Sampled)}, exitHolds},
		{[]explore.Verdict{unfinished, vacuous, deadlock, broken}, exitBroken},
		{[]explore.Verdict{unfinished, vacuous, deadlock}, exitDeadlock},
		{[]explore.Verdict{unfinished, vacuous, found(sim.NoProgress, explore.Broken)}, exitDeadlock},
		{[]explore.Verdict{unfinished, vacuous}, exitVacuous},
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
		{view.Report{Ending: sim.Finished, Vacuous: []string{"q"}}, exitVacuous},
		{view.Report{Ending: sim.ScheduleEnded}, exitUnfinished},
		{view.Report{Ending: sim.StepLimit}, exitUnfinished},
	} {
		if got := code(runVerdict(&test.report)); got != test.want {
			t.Errorf("exit code of a run that ended by %q, broke %v and left %v vacuous: %d, want %d",
				test.report.Ending, test.report.Broken, test.report.Vacuous, got, test.want)
		}
	}
}

// Goal: the command that a search prints breaks what the search says it breaks, with
// the schedule in it or in a file.
func TestRepeatBreaksTheSameProperty(t *testing.T) {
	t.Chdir(t.TempDir())
	breaks := func(property, command string) {
		t.Helper()
		code, stdout, stderr := again(t, command, "--json", "--exit-status")
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
	shown := 0
	seen := map[scenario.Group]bool{}
	for _, s := range scenarios.All() {
		flags := []string{"--fail-fast"}
		switch s.Name {
		case "offset-rewind":
			flags = append(flags, "--set batch=2")
		case "stale-snapshot":
			for _, strategy := range explore.Strategies() {
				flags = append(flags, "--set marks=3 --strategy "+strategy, "--fail-fast --strategy "+strategy)
			}
		default: // Races of one group print alike; that their schedules break is seen in properties.
			if seen[s.Group] {
				continue
			}
		}
		seen[s.Group] = true
		for _, flag := range flags {
			line := "explore " + s.Name + " " + flag
			var search exploreJSON
			_, stdout, _ := call(words(line + " --json --save kept")...)
			decode(t, stdout, &search)
			_, text, _ := call(words(line)...)
			printed := map[string]string{}
			for _, m := range regexp.MustCompile(`(?m)^broken +(\S+)(?:\n .*)*?\n +repeat: (simrun .*)$`).FindAllStringSubmatch(text, -1) {
				printed[m[1]] = m[2]
			}
			broken := 0
			for _, v := range search.Verdicts {
				if v.Outcome != explore.Broken {
					continue
				}
				broken++
				breaks(v.Property, v.Repeat)
				command, ok := printed[v.Property]
				if ok {
					breaks(v.Property, command)
					shown++
				} else if len(strings.Join(v.Schedule, "; ")) <= 200 {
					t.Errorf("%s prints no command for %s", line, v.Property)
				}
			}
			if broken == 0 {
				t.Errorf("%s breaks nothing: it puts no printed command to the test", line)
			}
			if longest := slices.MaxFunc(strings.Split(text, "\n"), func(a, b string) int { return len(a) - len(b) }); len(longest) > 400 {
				t.Errorf("%s prints a line of %d characters", line, len(longest))
			}
		}
	}
	if shown == 0 {
		t.Error("no search prints a command")
	}
}

// Goal: the command that a run prints gives the run again.
func TestRepeatGivesTheSameRun(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, line := range []string{
		"run offset-rewind",
		"run offset-rewind/broker-lock",
		"run offset-rewind/broker-lock@cut",
		"run offset-rewind --seed 16 --set commits=1",
		"run offset-rewind --schedule 'G0 mark; G1 mark' --set commits=1",
		"run offset-rewind --save kept --seed 3",
	} {
		_, first, _ := call(words(line + " --json")...)
		var run view.RunJSON
		decode(t, first, &run)
		if _, second, _ := again(t, run.Repeat, "--json"); second != first {
			t.Errorf("%s prints the command %s, which gives another run", line, run.Repeat)
		}
	}
}

// unexpecting is lost-update with a table that expects nothing to break.
func unexpecting() *scenario.Race {
	s := lostupdate.Scenario
	s.Variants = slices.Clone(s.Variants)
	s.Variants[0].Expect = nil
	return s.Race()
}

// over is the command over one scenario.
func over(s *scenario.Race, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	a := command(&out, &errs)
	a.all = []*scenario.Race{s}
	code = a.run(args)
	return code, out.String(), errs.String()
}

// Goal: a run is a demonstration, and fails only where it contradicts the table.
func TestRunAgainstTheTable(t *testing.T) {
	unfitting := offsetrewind.Scenario.Race()
	unfitting.Schedule = "G0 mark"
	for _, test := range []struct {
		scenario *scenario.Race
		want     string
	}{
		{lostupdate.Scenario.Race(), ""},
		{unexpecting(), "lost-update/unfixed breaks no-update-is-lost at step 4, which the scenario does not expect"},
		{unfitting, "offset-rewind/unfixed breaks nothing on the schedule of the race"},
	} {
		code, _, stderr := over(test.scenario, "run", test.scenario.Name)
		want := exitHolds
		if test.want != "" {
			want = exitBroken
		}
		if code != want || !strings.Contains(stderr, test.want) {
			t.Errorf("run %s: exit code %d and %q on stderr, want %d and %q", test.scenario.Name, code, stderr, want, test.want)
		}
	}
}

// Goal: what is not as expected ends check with 1, under --fail-fast at once, and
// stands in JUnit's file.
func TestCheckAgainstTheTable(t *testing.T) {
	t.Chdir(t.TempDir())
	code, stdout, _ := over(unexpecting(), "check", "--fail-fast", "--junit", "verdicts.xml")
	if code != exitBroken || !strings.Contains(stdout, "NOT AS EXPECTED: want holds, exhausted") || !strings.HasSuffix(stdout, "\n5 verdicts, 1 not as expected\n") {
		t.Errorf("check --fail-fast: exit code %d, and it prints\n%s", code, stdout)
	}
	var suites struct {
		Suites []junitSuite `xml:"testsuite"`
	}
	content, err := os.ReadFile("verdicts.xml")
	if err == nil {
		err = xml.Unmarshal(content, &suites)
	}
	if err != nil || len(suites.Suites) != 1 || suites.Suites[0].Tests != 5 || suites.Suites[0].Failures != 1 || len(suites.Suites[0].Cases) != 5 {
		t.Errorf("verdicts.xml: %v, %+v; want a suite of 5 with 1 failure", err, suites)
	}
	if code, _, stderr := over(offsetrewind.Scenario.Race(), "check", "--time", "1ns"); code != exitUnfinished || !strings.Contains(stderr, "the time is up after 0 of ") {
		t.Errorf("check --time 1ns: exit code %d, %q", code, stderr)
	}
}

// parsed checks a command line, and does no work.
func parsed(args []string) error {
	root := command(io.Discard, io.Discard).root(args)
	for _, c := range root.Commands() {
		c.RunE = func(*cobra.Command, []string) error { return nil }
	}
	return root.Execute()
}

// Goal: every command that is shown to a reader is one.
func TestPrintedCommandsAreAccepted(t *testing.T) {
	text := ""
	pages, err := filepath.Glob("../docs/races/*.md")
	if err != nil || len(pages) != len(scenarios.All()) {
		t.Fatalf("%d pages (%v), want one a race", len(pages), err)
	}
	for _, page := range append(pages, "../RACES.md", "../README.md") {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text += string(content)
	}
	want := 0
	for _, s := range scenarios.All() {
		_, story, _ := call("show", s.Name, "--claims")
		text += story
		want += 3 // Run, explore and check, at least.
	}
	text = strings.ReplaceAll(text, "go run ./cmd/simrun ", "simrun ")
	text = regexp.MustCompile("`simrun[^`]*`").ReplaceAllStringFunc(text, func(s string) string { return strings.Join(strings.Fields(s), " ") })
	text = strings.NewReplacer("SCENARIO", "lost-update", "NAME", "commit-cost", "APPLICATION@CLIENT-EVENT", "drain@franz-go-eager-join", "@FILE", "'G0 mark; G1 mark'").Replace(text)
	shown := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)(?:`|^ +(?:\\$ )?|^)simrun ((?:'[^'\n]*'|[^`\n#;'])+)").FindAllStringSubmatch(text, -1) {
		shown[m[1]] = true
	}
	if len(shown) < want {
		t.Errorf("%d commands are shown, want at least %d", len(shown), want)
	}
	for _, command := range slices.Sorted(maps.Keys(shown)) {
		if err := parsed(words(command)); err != nil {
			t.Errorf("simrun %s: %v", command, err)
		}
	}
}

// Goal: what show and the lists print fits into 100 columns, but for commands to copy.
func TestFits(t *testing.T) {
	lines := []string{"list", "sweep"}
	for _, s := range scenarios.All() {
		lines = append(lines, "show "+s.Name+" --claims")
	}
	for _, line := range lines {
		_, text, _ := call(words(line)...)
		for printed := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(printed, "\n")); n > columns && !strings.Contains(printed, "simrun ") {
				t.Errorf("%s: %d columns, want at most %d: %s", line, n, columns, printed)
			}
		}
	}
}

// Goal: the same command prints the same bytes, with any number of workers.
func TestSameCommandSameBytes(t *testing.T) {
	lines := []string{
		"list", "list --json", "list --release sarama@1.43.2", "version", "why CommitFailedException", "show offset-rewind", "check stale-snapshot", "check --json stale-snapshot",
		"run offset-rewind", "run offset-rewind --json", "run offset-rewind --variant broker-lock --seed 7 --json",
		"run offset-rewind --format mermaid", "explore offset-rewind", "sweep", "sweep --json", "diff offset-rewind unfixed broker-lock",
	}
	for _, strategy := range explore.Strategies() {
		for _, flag := range []string{"", " --json", " --fail-fast --json", " --limit 50 --json"} {
			lines = append(lines, "explore stale-snapshot --strategy "+strategy+flag)
		}
	}
	lines = append(lines, "sweep commit-cost --seeds 3", "sweep commit-cost --seeds 3 --json")
	for _, line := range lines {
		others := []string{line}
		if strings.HasPrefix(line, "explore") || strings.HasPrefix(line, "sweep commit-cost") {
			others = []string{line + " --parallel 1", line + " --parallel 3"}
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
		"list", "list --json", "list --release sarama@1.43.2", "version", "why CommitFailedException", "show offset-rewind", "check stale-snapshot", "check --json stale-snapshot",
		"run offset-rewind", "run offset-rewind --json", "run offset-rewind --format mermaid", "explore offset-rewind", "explore offset-rewind --json",
		"sweep", "sweep --json", "sweep commit-cost --seeds 1", "sweep commit-cost --seeds 1 --json",
		"", "--help", "help", "help run", "run offset-rewind --help", "play stale-snapshot", "explore lost-update --waste",
	} {
		var stderr strings.Builder
		code := command(full{}, &stderr).run(words(line))
		if want := "no space left on device"; code != exitUsage || !strings.Contains(stderr.String(), want) {
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
	if _, page, _ := call("run", "zombie-producer", "--format", "porcupine"); !strings.Contains(page, "EndTxn(commit) of 1/0") {
		t.Error("the page of zombie-producer has no EndTxn")
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
			"the shortest that breaks committed-offset-never-rewinds in unfixed, setting 2x2",
			"in commit-lock: ", "they do the same for 1 step, and part there:",
			"unfixed: step 2, G0 construct request", "commit-lock: step 2, G0 commit",
			"✗  committed-offset-never-rewinds: ", "the same up to here",
		}},
		{"diff stale-snapshot locked unfixed", []string{
			"the shortest that breaks committed-never-falls in unfixed, setting 2x2", "in locked: ",
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
