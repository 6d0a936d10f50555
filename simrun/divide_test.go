package simrun

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"racelab/scenarios"
)

// Goal: a command that is divided, done, kept and merged by another module prints what
// one machine prints; what is missing is known; what does not belong to it is refused.
func TestDivision(t *testing.T) {
	line := words("explore stale-snapshot --strategy walk --limit 10 --set marks=2")
	want, whole, _ := call(line...)
	var stdout, stderr strings.Builder
	lab := &Lab{command(&stdout, &stderr)}
	d, err := lab.Divide(line, 3)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := 1; i <= 3; i++ {
		name, content, err := d.Shard(context.Background(), i, 1)
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := d.Keep(dir, "../"+name, content); kept != i || err != nil {
			t.Errorf("shard %d was kept as %d: %v", i, kept, err)
		}
		if missing, err := d.Missing(dir); len(missing) != 3-i || missing[i] || err != nil {
			t.Errorf("after shard %d %v are missing: %v", i, missing, err)
		}
		other, err := lab.Divide(append(line, "--seed=2"), 3)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Keep(dir, name, content); err == nil || !strings.Contains(err.Error(), "a shard of other work") {
			t.Errorf("other work took shard %d: %v", i, err)
		}
		if _, err := other.Missing(dir); err == nil || !strings.Contains(err.Error(), "shards of other work") {
			t.Errorf("other work took the folder: %v", err)
		}
		if _, err := d.Keep(dir, name, append(content, '\n')); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("a damaged shard was kept: %v", err)
		}
		if other.ID() == d.ID() {
			t.Errorf("two divisions have one name, %s", d.ID())
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 3 {
		t.Errorf("the folder has %v, want three files", files)
	}
	code := exitHolds
	if err := d.Merge(dir); err != nil && !errors.As(err, (*exit)(&code)) {
		t.Fatal(err)
	}
	if code != want || stdout.String() != whole || stderr.String() != "" {
		t.Errorf("exit code %d, %s\n%s\nwant %d\n%s", code, &stderr, &stdout, want, whole)
	}
	stopped, stop := context.WithCancelCause(context.Background())
	stop(exit(exitTerminated))
	if _, _, err := d.Shard(stopped, 1, 1); !errors.Is(err, exit(exitTerminated)) {
		t.Errorf("a shard that is stopped: %v", err)
	}
}

// Goal: what cannot be divided is refused in one line that says what is possible.
func TestDivideRefuses(t *testing.T) {
	lab := &Lab{&app{program: "simrun", all: scenarios.All()}}
	for line, want := range map[string]string{
		"list":                       "list has no shards; explore, check and sweep have",
		"chekc":                      "nearest: check",
		"check --parallel 3":         "--parallel is no part of work that is divided",
		"check --out x":              "--out is no part of work that is divided",
		"check --fail-fast":          "exclude each other",
		"check nothing":              "there is no scenario",
		"check --slwo":               "there is no flag of check",
		"explore offset-rewind":      "--shard goes with --strategy",
		"explore --strategy walk":    "explore takes one scenario, not 0",
		"sweep backoff --seeds many": "want whole numbers",
	} {
		if _, err := lab.Divide(words(line), 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("simrun %s: %v, want %q", line, err, want)
		}
	}
	for _, n := range []int{0, maxShards + 1} {
		if _, err := lab.Divide(words("check"), n); err == nil || !strings.Contains(err.Error(), "want 1 to 10000") {
			t.Errorf("%d shards: %v", n, err)
		}
	}
}
