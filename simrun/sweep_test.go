package simrun

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"racelab/sweeps"
)

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
	if len(first) != 3 || !strings.Contains(first["commit-cost.csv"], "# command: simrun sweep commit-cost --seeds 2\n") ||
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
	if code, _, stderr := call(words(line + dir + " --parallel 3")...); code != exitHolds || stderr != "" {
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

// Goal: a file that is written is whole or not there; what is no file, and a link to one, stays
// what it is; and the error names what the user named.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(in("pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	piped := make(chan string)
	go func() {
		text, _ := os.ReadFile(in("pipe"))
		piped <- string(text)
	}()
	if err := errors.Join(os.Symlink(in("file"), in("link")), os.WriteFile(in("file"), nil, 0o600), os.Mkdir(in("folder"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "link"} {
		if err := writeWhole(in(name), []byte("all of it")); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Lstat(in("pipe")); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is %v, %v", info.Mode(), err)
	}
	text, _ := os.ReadFile(in("file"))
	if got := <-piped; got != "all of it" || string(text) != "all of it" {
		t.Errorf("the pipe gives %q, and the file has %q", got, text)
	}
	if info, err := os.Lstat(in("link")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	for path, want := range map[string]string{in("none/x"): in("none/x") + ": no such file or directory", in("folder"): in("folder") + ": is a directory"} {
		if err := writeWhole(path, nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	// A folder that came meanwhile: nothing can be renamed to it.
	if err := replace(in("folder"), nil); err == nil || cause(err).Error() != "file exists" {
		t.Errorf("got %v, want file exists", cause(err))
	}
	if left, _ := filepath.Glob(in(".*")); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}
