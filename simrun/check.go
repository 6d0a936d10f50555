package simrun

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/sim"
	"racelab/sim/explore"
)

// checking is the flags of check, and what it has found so far.
type checking struct {
	slow, failFast, json bool
	time                 limit
	parallel             workers
	memory               memory
	junit                string
	shard                shard
	out                  string

	searches []checkSearch
	done     atomic.Int64 // searches
	rows     []scenario.Checked
}

// checkSearch is one search of a scenario.
type checkSearch struct {
	race *scenario.Race
	scenario.Search
}

func (a *app) checkCommand() *cobra.Command {
	var k checking
	c := &cobra.Command{
		Use:   "check [SCENARIO...]",
		Short: "Search every variant in every setting, and compare with what is expected",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.names(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := c.Flags()
	f.BoolVar(&k.slow, "slow", false, "also the searches that take minutes, and check each model whole in every setting")
	f.BoolVar(&k.failFast, "fail-fast", false, "stop at the first verdict that is not as expected")
	k.time.flag(c)
	k.parallel.flag(c)
	k.memory.flag(c)
	f.StringVar(&k.junit, "junit", "", "write the verdicts to a file as JUnit has them, too")
	k.shard.flag(c)
	f.StringVar(&k.out, "out", "", "the folder for the result of a shard; made if it is not there")
	f.BoolVar(&k.json, "json", false, "write JSON, an object a line for each verdict as it is earned")
	c.PreRunE = func(c *cobra.Command, args []string) error { return k.read(a, c, args) }
	c.RunE = func(*cobra.Command, []string) error { return k.run(a) }
	return c
}

func (k *checking) read(a *app, c *cobra.Command, names []string) error {
	checked := a.all
	if len(names) > 0 {
		checked = nil
	}
	for _, name := range names {
		s, err := a.whole("check", name)
		if err != nil {
			return err
		}
		checked = append(checked, s)
	}
	for _, s := range checked {
		for _, search := range s.Searches(k.slow) {
			k.searches = append(k.searches, checkSearch{s, search})
		}
	}
	if c.Flags().Changed("junit") && k.junit == "" {
		return errors.New("--junit is empty; want a file")
	}
	if k.out != "" && k.shard.of == 0 {
		return errors.New("--out goes with --shard")
	}
	return cmp.Or(k.time.check(c), k.parallel.check(c), k.shard.read(c, names, k.out))
}

func (k *checking) run(a *app) error {
	signals, release := a.watch()
	defer release()
	found, err := k.search(a, signals)
	if err != nil {
		return err
	}
	if k.shard.of > 0 {
		if signals.interrupted() {
			a.say("interrupted after %d searches of this shard; nothing is written", k.done.Load())
			return signals.code()
		}
		return k.shard.write(a, found)
	}
	return k.conclude(a, signals)
}

// search takes the searches, and writes each row as it is earned; of a shard it returns
// what it found instead, by the number of the search.
func (k *checking) search(a *app, signals *interrupts) (map[int]searchPart, error) {
	status, began := newStatus(a.stderr), time.Now()
	defer status.clear()
	stop := func() bool { return signals.interrupted() || k.time.over(began) }
	write := k.table(a.stdout)
	if k.json {
		write = k.lines(a)
	}
	parts, err := partsOf[map[int]searchPart](a)
	if err != nil {
		return nil, err
	}
	var mine []int
	for i := range k.searches {
		if k.shard.has(i) {
			mine = append(mine, i)
		}
	}
	// One worker a search takes the least CPU: each has steps of its own to remember.
	atATime := max(1, min(k.parallel.count(), len(mine)))
	o := explore.Options{Workers: k.parallel.count() / atATime, Memory: k.memory.bytes()}
	results, end := sideBySide(len(mine), atATime, stop, func(i int, stop func() bool) (*explore.Result, error) {
		if result, err := k.found(parts, mine[i]); result != nil || err != nil {
			return result, err
		}
		search, o := k.searches[mine[i]], o
		o.Stop = stop
		o.Progress = func(r *explore.Result) {
			status.show(fmt.Sprintf("%d of %d searches; %s/%s@%s: %s states", k.done.Load(), len(k.searches),
				search.race.Name, search.Variant.Name, search.Setting.Name, explore.Thousands(r.States)), 0, 0)
		}
		return search.race.Search(search.Search, o)
	})
	defer end()
	found := map[int]searchPart{}
	for at, i := range mine {
		search, x := k.searches[i], <-results[at]
		if x.err != nil {
			return nil, x.err
		}
		if x.result == nil {
			break
		}
		k.done.Add(1)
		status.clear()
		if k.shard.of > 0 {
			found[i] = newSearchPart(x.result)
			continue
		}
		for _, row := range search.race.Judge(search.Search, x.result) {
			k.rows = append(k.rows, row)
			if err := write(row); err != nil {
				return nil, err
			}
		}
		if k.failFast && k.unexpected() > 0 {
			break
		}
	}
	return found, nil
}

// conclude says how many verdicts there are, and exits by them.
func (k *checking) conclude(a *app, signals *interrupts) error {
	if !k.json {
		if _, err := fmt.Fprintf(a.stdout, "\n%d verdicts, %d not as expected\n", len(k.rows), k.unexpected()); err != nil {
			return err
		}
	}
	if k.junit != "" {
		if err := k.writeJUnit(); err != nil {
			return err
		}
	}
	switch {
	case signals.interrupted():
		a.say("interrupted after %d of %d searches; their verdicts stand above", k.done.Load(), len(k.searches))
		return signals.code()
	case k.unexpected() > 0:
		return exit(exitBroken)
	case k.done.Load() < int64(len(k.searches)):
		a.say("the time is up after %d of %d searches; their verdicts stand above", k.done.Load(), len(k.searches))
		return exit(exitUnfinished)
	}
	return nil
}

// searchPart is what check writes of a search.
type searchPart struct {
	States      int           `json:"states"`
	Transitions int           `json:"transitions"`
	Verdicts    []verdictPart `json:"verdicts"`
}

type verdictPart struct {
	Property string          `json:"property"`
	Probe    bool            `json:"probe,omitempty"`
	Outcome  explore.Outcome `json:"outcome"`
	Steps    int             `json:"steps,omitempty"` // of the shortest schedule
}

func newSearchPart(r *explore.Result) searchPart {
	p := searchPart{States: r.States, Transitions: r.Transitions}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		p.Verdicts = append(p.Verdicts, verdictPart{v.Property, v.Probe, v.Outcome, len(v.Schedule)})
	}
	return p
}

// found is what a shard found in the i-th search; nil: there are no shards.
func (k *checking) found(parts []map[int]searchPart, i int) (*explore.Result, error) {
	if parts == nil {
		return nil, nil
	}
	part, ok := parts[i%len(parts)][i]
	if !ok {
		return nil, fmt.Errorf("shard %d has no result of search %d", i%len(parts)+1, i+1)
	}
	r := &explore.Result{Strategy: "states", States: part.States, Transitions: part.Transitions}
	for _, v := range part.Verdicts {
		r.Verdicts = append(r.Verdicts, explore.Verdict{Property: v.Property, Probe: v.Probe, Outcome: v.Outcome, Schedule: make(sim.Schedule, v.Steps)})
	}
	return r, nil
}

func (k *checking) unexpected() int {
	n := 0
	for _, row := range k.rows {
		if !row.AsExpected() {
			n++
		}
	}
	return n
}

// table writes a row of text at a time. The widths of its columns follow from what
// is to be searched, not from what is found, as rows are written before the end.
func (k *checking) table(w io.Writer) func(scenario.Checked) error {
	head := []string{"scenario", "variant", "setting", "property", "verdict", "explored"}
	widths := make([]int, len(head))
	widen := func(cells ...string) {
		for i, cell := range cells {
			widths[i] = max(widths[i], len(cell))
		}
	}
	widen(head...)
	widen("", "", "", explore.EndsWhenFair, "broken in 1000 steps", "1,000,000 states") // Watched lists no property of a search.
	for _, search := range k.searches {
		for _, property := range search.race.Watched(search.Variant.Name, search.Setting.Name) {
			widen(search.race.Name, search.Variant.Name, search.Setting.Name, property)
		}
	}
	line := func(cells []string, mark string) error {
		var b strings.Builder
		for i, cell := range cells {
			fmt.Fprintf(&b, "%-*s", widths[i]+2, cell)
		}
		_, err := fmt.Fprintln(w, b.String()+mark)
		return err
	}
	headed := false
	return func(row scenario.Checked) error {
		if !headed {
			headed = true
			if err := line(head, ""); err != nil {
				return err
			}
		}
		mark := "as expected"
		if !row.AsExpected() {
			mark = fmt.Sprintf("NOT AS EXPECTED: want %s", row.Want())
		}
		outcome := string(row.Verdict.Outcome)
		if row.Verdict.Outcome == explore.Broken {
			outcome = "broken in " + explore.Count(len(row.Verdict.Schedule), "step")
		}
		return line([]string{row.Scenario, row.Variant, row.Setting, row.Property, outcome, explore.Count(row.Result.States, "state")}, mark)
	}
}

type checkJSON struct {
	header
	Scenario    string          `json:"scenario"`
	Variant     string          `json:"variant"`
	Setting     string          `json:"setting"`
	Property    string          `json:"property"`
	Expected    explore.Outcome `json:"expected"`
	Outcome     explore.Outcome `json:"outcome"`
	AsExpected  bool            `json:"as_expected"`
	States      int             `json:"states"`
	Transitions int             `json:"transitions"`
}

// lines writes a row as an object a line.
func (k *checking) lines(a *app) func(scenario.Checked) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	return func(row scenario.Checked) error {
		return e.Encode(checkJSON{
			a.header("check"), row.Scenario, row.Variant, row.Setting, row.Property, row.Expected.Outcome, row.Verdict.Outcome, row.AsExpected(),
			row.Result.States, row.Result.Transitions,
		})
	}
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
}

// writeJUnit writes a suite a scenario, and a case a verdict. It says no times, so
// the same verdicts are the same bytes.
func (k *checking) writeJUnit() error {
	var suites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []*junitSuite
	}
	for _, row := range k.rows {
		i := slices.IndexFunc(suites.Suites, func(s *junitSuite) bool { return s.Name == row.Scenario })
		if i < 0 {
			i, suites.Suites = len(suites.Suites), append(suites.Suites, &junitSuite{Name: row.Scenario})
		}
		suite := suites.Suites[i]
		c := junitCase{Class: row.Scenario + "/" + row.Variant + "@" + row.Setting, Name: row.Property}
		if !row.AsExpected() {
			c.Failure = &junitFailure{fmt.Sprintf("%s, want %s", row.Verdict.Outcome, row.Want())}
			suite.Failures++
		}
		suite.Tests++
		suite.Cases = append(suite.Cases, c)
	}
	content, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(k.junit, append(append([]byte(xml.Header), content...), '\n'))
}
