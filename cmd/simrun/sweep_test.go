package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"racelab/sweeps"
)

func TestBadInputOfSweep(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	journal := filepath.Join(dir, "commit-cost.journal")
	for path, content := range map[string]string{file: "", journal: "my diary\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := "there is commit-cost, rewind-odds, stall-odds, throttle"
	for _, test := range []struct {
		line string
		want []string
	}{
		{"sweep fly", []string{`"fly"`, names}},
		{"sweep ''", []string{`""`, names}},
		{"sweep commit-cost rewind-odds", []string{"one name, not 2", names[len("there is "):]}},
		{"sweep --seeds 3", []string{"without a name", "commit-cost, rewind-odds, stall-odds, throttle"}},
		{"sweep commit-cost --seeds 0", []string{"--seeds 0", "1 to 100000"}},
		{"sweep commit-cost --seeds many", []string{`"many"`, "whole numbers"}},
		{"sweep commit-cost --workers 0", []string{"--workers 0", "1 to 256"}},
		{"sweep commit-cost --set step", []string{`"step"`, "NAME=VALUE"}},
		{"sweep commit-cost --set speed=1", []string{`"speed"`, "partitions, commits"}},
		{"sweep commit-cost --set partitions=65", []string{"partitions=65", "1 to 64"}},
		{"sweep commit-cost --set answer=soon", []string{"answer=soon", "3ms"}},
		{"sweep commit-cost --out ''", []string{"--out is empty"}},
		{"sweep commit-cost --out " + file, []string{file, "not a directory"}},
		{"sweep commit-cost --out " + file + "/below", []string{file, "not a directory"}},
		{"sweep commit-cost --out " + dir, []string{journal, "is no journal", "remove it"}},
		{"sweep commit-cost --fast", []string{"--fast", "the flags of sweep are ", "--out, --seeds, --set, --workers"}},
	} {
		t.Run(test.line, func(t *testing.T) { refused(t, words(test.line), test.want...) })
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Errorf("refused sweeps left %v", left)
	}
}

// contents reads all that lies in a folder, by name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

// Goal: a sweep writes its files and nothing else, the same bytes each time,
// and also where it goes on from half a journal.
func TestSweepWritesFiles(t *testing.T) {
	const line = "sweep commit-cost --seeds 2 --out "
	dir := filepath.Join(t.TempDir(), "deep", "out")
	code, stdout, stderr := call(words(line + dir)...)
	if code != exitHolds || stderr != "" || !strings.Contains(stdout, "300 commits take") || !strings.Contains(stdout, filepath.Join(dir, "commit-cost.svg")) {
		t.Fatalf("%s: exit code %d, stdout %q, stderr %q", line, code, stdout, stderr)
	}
	first := contents(t, dir)
	if len(first) != 3 || !strings.Contains(first["commit-cost.csv"], "# command: go run ./cmd/simrun sweep commit-cost --seeds 2\n") ||
		!strings.HasPrefix(first["commit-cost.png"], "\x89PNG") || !strings.Contains(first["commit-cost.svg"], "<svg") {
		t.Fatalf("%s wrote %d files", line, len(first))
	}
	same := func(what string) {
		t.Helper()
		for name, content := range contents(t, dir) {
			if first[name] != content {
				t.Errorf("%s: %s has other bytes", what, name)
			}
		}
	}
	// A journal of this build with one point, as a kill leaves it.
	build, err := buildID()
	if err != nil {
		t.Fatal(err)
	}
	sweep, err := sweeps.Find("commit-cost")
	if err != nil {
		t.Fatal(err)
	}
	values, err := sweep.Set(nil)
	if err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(dir, "commit-cost.journal")
	stop := false
	_, err = sweep.Run(values, sweeps.Options{Seeds: 2, Workers: 1, Journal: journal, Build: build,
		Progress: func(done, _ int) { stop = done == 1 }, Stop: func() bool { return stop }})
	if err == nil {
		t.Fatal("the sweep was not stopped")
	}
	refused(t, words("sweep commit-cost --seeds 3 --out "+dir), journal, "2 seeds, not 3", "remove it")
	if code, _, stderr := call(words(line + dir + " --workers 3")...); code != exitHolds || stderr != "" {
		t.Errorf("gone on: exit code %d, %q", code, stderr)
	}
	same("gone on")
	if code, _, _ := call(words(line + dir + " --json")...); code != exitHolds {
		t.Errorf("once more: exit code %d", code)
	}
	same("once more")
	if names := contents(t, dir); len(names) != 3 {
		t.Errorf("%d files are left, want CSV, PNG and SVG", len(names))
	}
}

// Goal: what cannot be put in its place leaves nothing half written.
func TestSweepThatCannotWrite(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "commit-cost.png"), 0o700); err != nil { // Nothing can be renamed to it.
		t.Fatal(err)
	}
	refused(t, words("sweep commit-cost --seeds 1 --out "+dir), "commit-cost.png")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"commit-cost.csv", "commit-cost.journal", "commit-cost.png"}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}
