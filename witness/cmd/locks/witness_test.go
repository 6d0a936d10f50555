package main

import (
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/witness/experiment"
)

var deep = flag.Int("deep", 1, "make the searches that find nothing this many times as long")

// driver builds the driver of a release. A release that cannot be had is an
// error, not a reason to skip: a witness that did not look has seen nothing.
func driver(t *testing.T, release string) *Driver {
	t.Helper()
	r, err := findRelease(release)
	if err != nil {
		t.Fatal(err)
	}
	openAll(t)
	d, err := build(t.Context(), r, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// openAll opens every directory of the lab. The go command builds the driver in
// a process of its own, and this is how go test learns on what the result
// depends: else it would take a change there for a cached success.
func openAll(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && path != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *Driver) mustAsk(t *testing.T, q experiment.Question) *experiment.Answer {
	t.Helper()
	e, err := experiment.Find(q.Experiment)
	if err != nil {
		t.Fatal(err)
	}
	if q.Schedule == "" {
		q.Strategy, q.Depth, q.Seed = "pct", e.Depth, 1
	}
	a, err := d.ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// finds checks that a search finds the break, and that it is repeated by its
// schedule, in a process that has not searched.
func (d *Driver) finds(t *testing.T, e string, property string, want *regexp.Regexp) {
	t.Helper()
	found, err := experiment.Find(e)
	if err != nil {
		t.Fatal(err)
	}
	v := d.mustAsk(t, experiment.Question{Experiment: e, Runs: found.Runs, First: true}).Verdict(property)
	if v.Outcome != string(explore.Broken) || !want.MatchString(v.Sentence) {
		t.Fatalf("%v, %s: %s is %q: %s; want it broken as %v", d.release, e, property, v.Outcome, v.Sentence, want)
	}
	t.Logf("%v, %s: %s (%s; %v)", d.release, e, v.Sentence, v.Found, v.Again)

	again := d.mustAsk(t, experiment.Question{Experiment: e, Schedule: v.Schedule}).Replay
	if want := (experiment.Broken{Property: property, Sentence: v.Sentence}); again.Differs != "" || !slices.Contains(again.Broke(), want) {
		t.Errorf("%v, %s: its schedule breaks %v (%v), want %v", d.release, e, again.Broke(), again.Again, want)
	}
}

// refuses checks that a schedule which the release cannot take is reported as
// such, and is no result.
func (d *Driver) refuses(t *testing.T, e, schedule, want string) {
	t.Helper()
	a := d.mustAsk(t, experiment.Question{Experiment: e, Schedule: schedule})
	if a.Replay.Again.Same != 0 || !strings.HasSuffix(a.Replay.Differs, want) {
		t.Errorf("%v, %s: %s: %v; want it to differ each time, %s", d.release, e, schedule, a.Replay.Again, want)
	}
	if code := verdict(a); code != exitUnfinished {
		t.Errorf("%v, %s: %s: exit code %d, want %d", d.release, e, schedule, code, exitUnfinished)
	}
}

// findsNot checks that a search finds nothing, and that it put the property to
// the test.
func (d *Driver) findsNot(t *testing.T, e string, runs int, properties ...string) {
	t.Helper()
	runs *= *deep
	a := d.mustAsk(t, experiment.Question{Experiment: e, Runs: runs})
	for _, property := range properties {
		v := a.Verdict(property)
		if v.Outcome != string(explore.Sampled) || !strings.HasPrefix(v.Sentence, fmt.Sprintf("0 of %d runs broke it", runs)) {
			t.Errorf("%v, %s: %s is %q: %s; want it to hold in %d runs", d.release, e, property, v.Outcome, v.Sentence, runs)
		}
		t.Logf("%v, %s: %s: %s", d.release, e, property, v.Sentence)
	}
}

const (
	neverRewinds = "committed-offset-never-rewinds"
	monotone     = "offsets-on-the-wire-are-monotone"
)

// Goal: the releases do what the models say of them. Method: a search of each
// release, its first finding repeated by its schedule in another process.
//
// 1.43.2 (pull request 2947 not yet in) rewinds and does not deadlock; 1.43.3
// does not rewind, and deadlocks (issue 3191); 1.48.0 does neither.
func TestReleases(t *testing.T) {
	rewinds := regexp.MustCompile(`^committed offset of P[01] went back from \d+ to \d+$`)
	t.Run("1.43.2", func(t *testing.T) {
		t.Parallel()
		d := driver(t, "sarama@v1.43.2")
		d.finds(t, "rewind", neverRewinds, rewinds)
		d.findsNot(t, "deadlock", 2000, sim.NoDeadlock)
	})
	t.Run("1.43.3", func(t *testing.T) {
		t.Parallel()
		d := driver(t, "sarama@v1.43.3")
		d.findsNot(t, "rewind", 4000, neverRewinds, monotone, sim.NoDeadlock)
		d.refuses(t, "rewind", "G0 MarkOffset Lock pom.lock; G0 MarkOffset Unlock pom.lock; G0 constructRequest RLock om.pomsLock",
			`event 3, "G0 constructRequest RLock om.pomsLock", does not fit: it cannot happen here; possible: G0 coordinator RLock om.brokerLock, G1 MarkOffset Lock pom.lock`)
		// The four of issue 3191, whichever goroutine is in which role.
		d.finds(t, "deadlock", sim.NoDeadlock, circleOf(
			`b\.lock(\(\d\))? and wants om\.pomsLock for reading \(before "constructRequest RLock om\.pomsLock"\)`,
			`om\.pomsLock as its next writer and wants om\.pomsLock for writing \(before "releasePOMs Lock om\.pomsLock \(readers leave\)"\)`,
			`om\.pomsLock for reading and wants om\.brokerLock for writing \(before "releaseCoordinator Lock om\.brokerLock"\)`,
			`om\.brokerLock for writing and wants b\.lock(\(\d\))? \(before "\w+ Lock b\.lock"\)`,
		))
	})
	t.Run("1.48.0", func(t *testing.T) {
		t.Parallel()
		d := driver(t, "sarama@v1.48.0")
		d.findsNot(t, "rewind", 2000, neverRewinds, monotone, sim.NoDeadlock)
		d.findsNot(t, "deadlock", 5000, sim.NoDeadlock)
	})
}

// circleOf matches a deadlock of these goroutines in this order, whichever
// comes first.
func circleOf(members ...string) *regexp.Regexp {
	var turns []string
	for i := range members {
		turn := slices.Concat(members[i:], members[:i])
		turns = append(turns, `G\d holds `+strings.Join(turn, `; G\d holds `))
	}
	return regexp.MustCompile(`^(` + strings.Join(turns, "|") + `)$`)
}

// Goal: nothing of a release is changed but its import of sync.
func TestOwnSync(t *testing.T) {
	for _, test := range []struct {
		source, want string
		n            int
	}{
		{"import \"sync\"\n", "import \"racelab/witness/sync\"\n", 1},
		{"import (\n\t\"sync\"\n\t\"sync/atomic\"\n)\n", "import (\n\t\"racelab/witness/sync\"\n\t\"sync/atomic\"\n)\n", 1},
		{"import \"sync/atomic\"\n\nvar s = \"sync\"\n", "import \"sync/atomic\"\n\nvar s = \"sync\"\n", 0},
	} {
		got, n := ownSync([]byte(test.source))
		if string(got) != test.want || n != test.n {
			t.Errorf("ownSync of %q: %q, %d; want %q, %d", test.source, got, n, test.want, test.n)
		}
	}
}

// Goal: bad input gets one line that says what is possible.
func TestArguments(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"sarama@v1.43.2", "want a release and an experiment, such as sarama@v1.43.2 rewind, not 1 arguments"},
		{"sarama@v1 rewind", `no release "sarama@v1"; there is sarama@v1.43.2, sarama@v1.43.3, sarama@v1.48.0`},
		{"sarama@v1.43.2 race", `no experiment "race"; there is rewind, deadlock`},
		{"sarama@v1.43.2 rewind --strategy states", `--strategy "states" is not possible; possible: pct, uniform, walk`},
		{"sarama@v1.43.2 rewind --depth 0", "--depth 0 is not possible; want 1 to 20"},
		{"sarama@v1.43.2 rewind --runs 0", "--runs 0 is too few; want 1 or more"},
		{"sarama@v1.43.2 rewind --first --schedule x", "--first does not go with --schedule, which leaves nothing to choose"},
		{"sarama@v1.43.2 rewind --schedule x", `--schedule "x" is neither a file that can be read nor a schedule, such as "G0 MarkOffset Lock pom.lock"`},
		{"sarama@v1.43.2 rewind --schedule G0;", `schedule line 1: "G0" is not an event; want ACTOR LABEL, such as "G0 send"`},
		{"sarama@v1.43.2 rewind --seeds 2", "unknown flag: --seeds"},
	} {
		_, _, err := parse(strings.Fields(test.args))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.args, err, test.want)
		}
	}
	_, q, err := parse(strings.Fields("sarama@v1.43.3 deadlock --seed 7 --first"))
	want := experiment.Question{Experiment: "deadlock", Strategy: "pct", Depth: 14, Runs: 5000, Seed: 7, First: true}
	if err != nil || q != want {
		t.Errorf("deadlock --seed 7 --first asks %+v, %v; want %+v", q, err, want)
	}
}
