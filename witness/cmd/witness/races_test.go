package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"racelab/witness/rt"
)

// races are the programs of testdata/races, of which those that end in Fine have none.
var races = []string{
	"Counter", "Map", "Published", "DoubleChecked", "ForgottenLock", "WriteUnderReadLock", "AtomicAndPlain", "SharedError",
	"BufferedIsNoLock", "SleepIsNoOrder", "AfterFunc", "Append", "SharedBuffer", "AddInGoroutine", "CloseAndSend",
	"GroupGo", "SharedWithMain", "LoopVariable", "AfterCancel", "OnceIsNoLock", "ValueOfAMap",
}

// Goal: each known class of data races is reported, and repeated 100 times of 100; 200
// schedules of a program that uses each kind of synchronization have no report.
func TestDataRaces(t *testing.T) {
	if testing.Short() {
		return // The standard library with the race detector takes a minute to build.
	}
	want := map[string]string{"AllKindsFine": "", "CutOffFine": ""}
	for _, name := range races {
		want[name] = rt.NoRace
	}
	args := []string{"test", "-race", "-all", "-v", "-keep=false", "-leaks=false", "-C", "testdata/races", "-runs", "200"}
	expect(t, answers(t, args...), want)
	_, said := ask(t, "test", "-race", "-all", "-keep=false", "-C", "testdata/races", "-run", "DoubleChecked")
	shown(t, "no-data-race: ", said)
	_, out := ask(t, append(args, "-run", "GroupGo|SharedWithMain|CloseAndSend")...)
	for _, want := range []string{
		"add reads at races_test.go:195 what TestGroupGo.func wrote at races_test.go:194 before",
		"TestSharedWithMain.func reads at races_test.go:204 what main wrote at races_test.go:205 before",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not say %q:\n%s", want, out)
		}
	}
}

// Goal: what -race needs is said in one line, before anything is built.
func TestRaceWithoutACompiler(t *testing.T) {
	for name, says := range map[string]string{"CGO_ENABLED": "-race needs cgo; set CGO_ENABLED=1", "PATH": "-race needs a C compiler, and there is no "} {
		t.Run(name, func(t *testing.T) {
			value := "0"
			if name == "PATH" {
				t.Setenv("CGO_ENABLED", "1")
				value = onlyGo(t)
			}
			t.Setenv(name, value)
			if code, out := ask(t, "test", "-race", "-C", "testdata/races"); code != exitUsage || len(out) < len(says) || out[:len(says)] != says {
				t.Errorf("code %d, %q; want %q", code, out, says)
			}
		})
	}
}

// onlyGo is a folder with the go command and nothing else.
func onlyGo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, at := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(at, "go")); err == nil {
			if err := os.Symlink(filepath.Join(at, "go"), filepath.Join(dir, "go")); err != nil {
				t.Fatal(err)
			}
			return dir
		}
	}
	t.Fatal("no go command in PATH")
	return ""
}
