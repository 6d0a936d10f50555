package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// ask runs the command.
func ask(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code, err := command(t.Context(), args, &b, &b)
	if err != nil {
		b.WriteString(err.Error())
	}
	return code, b.String()
}

// sum hashes all files of a folder.
func sum(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		h.Write([]byte(path))
		h.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(h.Sum(nil))
}

// shown holds README.md to what a command said: each line of its block that begins so, in
// that order, but for the width of the columns and for where the command ran.
func shown(t *testing.T, begins, said string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```text\n"+begins)
	block, _, ok := strings.Cut(begins+block, "\n```\n")
	if !ok {
		t.Fatalf("README.md has no block that begins with %q", begins)
	}
	narrow := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	left := narrow(regexp.MustCompile(` -C \S+`).ReplaceAllString(said, ""))
	for line := range strings.Lines(block) {
		if _, left, ok = strings.Cut(left, narrow(line)); !ok {
			t.Errorf("README.md has the line %q, which is not said there:\n%s", line, said)
			return
		}
	}
}

var scheduled = regexp.MustCompile(`-run '(\^\w+\$)' -schedule '([^']*)'`)

// Goal: tests that know nothing of the lab are explored: each bug is found, shrunk
// and repeated, what is right holds, and the module stays as it was.
func TestUnmodifiedTests(t *testing.T) {
	const dir = "testdata/kern"
	before := sum(t, dir)
	code, out := ask(t, "test", "-all", "-v", "-keep=false", "-C", dir)
	if code != exitBroken {
		t.Errorf("exit code %d, want %d", code, exitBroken)
	}
	for _, want := range []string{
		"no-failure: loaded 2 times",
		"no-goroutine-left: 1 left when the body had ended: TestLeak.func waits in send at kern_test.go:",
		"holds: no failure in 1,000 runs by mixed",
		"no-deadlock: main waits in Lock at kern_test.go:",
		"1 decision matters",
		"no-failure: 1 is not 2", // said through a testing.TB
		"repeated: 100 of 100 did the same",
		"FAIL\texample.com/kern\t2 hold, 4 break\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not say %q", want)
		}
	}
	shown(t, "no-deadlock: ", out)
	if sum(t, dir) != before {
		t.Error("the module was written to")
	}
	found := scheduled.FindAllStringSubmatch(out, -1)
	if len(found) != 4 {
		t.Fatalf("%d commands that repeat, want 4:\n%s", len(found), out)
	}
	code, again := ask(t, "test", "-all", "-keep=false", "-C", dir, "-run", found[0][1], "-schedule", found[0][2])
	if code != exitBroken || !strings.Contains(again, "loaded 2 times") {
		t.Errorf("the schedule %q does not repeat it: %s", found[0][2], again)
	}
}

func TestBadInput(t *testing.T) {
	cases := []struct {
		args []string
		says string
	}{
		{[]string{"tset"}, "want test, release or table"},
		{[]string{"test", "-strategy", "best"}, "possible: mixed, priorities, objects, locks, events, pct, walk, uniform, feedback, bounded"},
		{[]string{"test", "-depth", "0"}, "want 1 to 20"},
		{[]string{"test", "-runs", "0"}, "want 1 or more"},
		{[]string{"test", "-debug"}, "--debug repeats a --schedule, without --race"},
		{[]string{"test", "-schedule", "main first"}, `want such as "main@3: worker starts"`},
		{[]string{"test", "-C", t.TempDir()}, "in no module"},
		{[]string{"test", "-C", "testdata/kern"}, "no test in . asks to be explored, by witness.Explore; -all explores every test"},
		{[]string{"release", "samara@v1.43.2", "rewind"}, "there are some for sarama, franz-go"},
		{[]string{"release", "sarama@1.43.2", "rewind"}, "names no release"},
		{[]string{"release", "sarama@v1.43.2", "rewnd"}, "there are close-awaits-reader, "},
		{[]string{"release", "franz-go@v1.21.3", "abort-inside"}, "abort-inside needs 1.22.0: the broker of older releases"},
		{[]string{"release"}, "want a release, such as sarama@v1.43.2"},
		{[]string{"table", "sarama@v1.43.2", "franz-go@v1.22.2"}, "one client a table"},
	}
	for _, c := range cases {
		if code, out := ask(t, c.args...); code != exitUsage || !strings.Contains(out, c.says) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
			t.Errorf("%v: code %d, %q; want one line with %q", c.args, code, out, c.says)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Goal: what could not be written is never taken for a verdict.
func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, line := range []string{"--help", "test --help", "release sarama", "test -all -keep=false -C testdata/kern -run TestHelper"} {
		if code, err := command(t.Context(), strings.Fields(line), full{}, io.Discard); code != exitUsage || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("witness %s > /dev/full: code %d, %v; want %d, %v", line, code, err, exitUsage, syscall.ENOSPC)
		}
	}
}

// module writes a module with one file of tests, and returns its folder.
func module(t *testing.T, test string) string {
	t.Helper()
	return files(t, map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "m_test.go": "package m\n\n" + test})
}

// files writes files to a folder, and returns that.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Goal: what a module needs is under control where go test finds it: in the folder vendor,
// in other modules of a workspace, and where go.work says. Nothing is written there.
func TestWhereModulesAre(t *testing.T) {
	const (
		mod   = "module example.com/m\n\ngo 1.26\n\nrequire (\n\texample.com/dep v1.0.0\n\texample.com/dep/sub v1.0.0\n)\n"
		dep   = "package dep\n\nimport \"example.com/dep/sub\"\n\ntype Counter struct{ n sub.Int }\n\nfunc (c *Counter) Inc() { c.n.Store(c.N() + 1) }\n\nfunc (c *Counter) N() int64 { return c.n.Load() }\n"
		below = "package sub\n\nimport \"sync/atomic\"\n\ntype Int = atomic.Int64\n"
		test  = "package m\n\nimport (\n\t\"sync\"\n\t\"testing\"\n\n\t\"example.com/dep\"\n)\n\n" +
			"func TestM(t *testing.T) {\n\tvar c dep.Counter\n\tvar wg sync.WaitGroup\n\twg.Go(c.Inc)\n\twg.Go(c.Inc)\n\twg.Wait()\n\tif c.N() != 2 {\n\t\tt.Error(\"lost\")\n\t}\n}\n"
	)
	beside := map[string]string{
		"m/go.mod": mod, "m/m_test.go": test, "dep/dep.go": dep, "sub/sub.go": below,
		"dep/go.mod": "module example.com/dep\n\ngo 1.26\n", "sub/go.mod": "module example.com/dep/sub\n\ngo 1.26\n",
	}
	vendor := map[string]string{
		"m/go.mod": mod, "m/m_test.go": test, "m/vendor/example.com/dep/dep.go": dep, "m/vendor/example.com/dep/sub/sub.go": below,
		"m/vendor/modules.txt": "# example.com/dep v1.0.0\n## explicit; go 1.26\nexample.com/dep\n# example.com/dep/sub v1.0.0\n## explicit; go 1.26\nexample.com/dep/sub\n",
	}
	both := maps.Clone(beside) // A folder vendor is taken in place of what replaces.
	maps.Copy(both, vendor)
	both["m/go.mod"] += "\nreplace example.com/dep => ../dep\n\nreplace example.com/dep/sub => ../sub\n"
	both["m/vendor/modules.txt"] = "# example.com/dep v1.0.0 => ../dep\n## explicit; go 1.26\nexample.com/dep\n# example.com/dep/sub v1.0.0 => ../sub\n## explicit; go 1.26\nexample.com/dep/sub\n" +
		"# example.com/dep => ../dep\n# example.com/dep/sub => ../sub\n"
	used, replaced := maps.Clone(beside), maps.Clone(beside)
	used["go.work"] = "go 1.26\n\nuse (\n\t./dep\n\t./m\n\t./sub\n)\n"
	replaced["go.work"] = "go 1.26\n\nuse ./m\n\nreplace example.com/dep => ./dep\n\nreplace example.com/dep/sub => ./sub\n"
	for name, texts := range map[string]map[string]string{
		"vendor": vendor, "vendor and replace": both,
		"use": used, "replace": replaced,
	} {
		t.Run(name, func(t *testing.T) {
			dir := files(t, texts)
			before := sum(t, dir)
			code, out := ask(t, "test", "-all", "-keep=false", "-C", filepath.Join(dir, "m"))
			if code != exitBroken || !strings.Contains(out, "no-failure: lost\n") || !strings.Contains(out, "dep.go:7 Counter.Inc Store") {
				t.Errorf("code %d:\n%s", code, out)
			}
			if sum(t, dir) != before {
				t.Error("something was written")
			}
		})
	}
}

// Goal: what goes on beside a run is awaited and named, and what a process keeps from run to
// run is told from what a schedule does.
func TestBesideARun(t *testing.T) {
	dir := module(t, `import (
	"flag"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

var (
	tick = time.Tick(time.Millisecond)
	name = flag.String("name", "", "")
	n    int
)

func TestTick(t *testing.T) { <-tick }

func TestTimeout(t *testing.T) {
	select {
	case <-tick:
	case <-time.After(time.Minute):
		t.Error("no tick")
	}
}

func TestTwentieth(t *testing.T) {
	go func() {}()
	<-tick
	if n++; n == 20 {
		t.Fatal("twentieth")
	}
}

func TestSecond(t *testing.T) {
	<-tick
	if n++; n > 1 {
		t.Fatal("second")
	}
}

func TestChild(t *testing.T) {
	if os.Getenv("CHILD") != "" {
		n++
		t.Fatal("in the child, run", n)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), "CHILD=1")
	if said, err := child.CombinedOutput(); err == nil || string(said[:24]) != "--- FAIL: TestChild (0.0" {
		t.Fatal(err, string(said))
	}
}

func TestKept(t *testing.T) {
	if n++; n > 1 {
		t.Fatal("twice")
	}
}

func TestOnce(t *testing.T) {
	f := sync.OnceFunc(func() {
		panic("once")
	})
	f()
}

func TestFlags(t *testing.T) {
	if !testing.Short() || *name != "a b" {
		t.Fatal(testing.Short(), *name)
	}
}
`)
	_, out := ask(t, "test", "-all", "-v", "-keep=false", "-short", "-runs", "20", "-C", dir, "-args", "-name", "a b")
	for test, want := range map[string]string{
		"Tick":      "the test ran\n          not controlled: m_test.go:18: a goroutine that the test did not start",
		"Timeout":   "m_test.go:21: a goroutine that the test did not start\n",
		"Twentieth": "under-control: a schedule breaks the test in one process (no-failure: twentieth) and not in another; what the test did not start decides too, at m_test.go:30",
		"Second":    "(no-failure: second); a variable of a package keeps something, and the test is to set it; or what the test did not start decides, at m_test.go:37\n",
		"Child":     "the test ran",
		"Kept":      "under-control: the test breaks when it runs a second time in one process",
		"Once":      "no-panic: main panicked at m_test.go:63: once",
		"Flags":     "the test ran",
	} {
		_, said, _ := strings.Cut(out, "=== RUN   Test"+test+"\n")
		said, _, _ = strings.Cut(said, "=== RUN")
		if !strings.Contains(said, want) {
			t.Errorf("of Test%s, it does not say %q:\n%s", test, want, said)
		}
	}
	if want := "vacuous, 4 break; 2 beside what is not controlled, which -v lists\n"; !strings.HasSuffix(out, want) {
		t.Errorf("it does not end with %q:\n%s", want, out)
	}
}

// Goal: a *testing.T that a struct of another package embeds is that of the run where its path
// can be written, and named where not.
func TestEmbeddedInAnotherPackage(t *testing.T) {
	dir := files(t, map[string]string{
		"go.mod":         "module example.com/m\n\ngo 1.26\n",
		"suite/suite.go": "package suite\n\nimport \"testing\"\n\ntype base struct{ *testing.T }\n\ntype Hidden struct{ base }\n\ntype Suite struct{ *testing.T }\n\nfunc New(t *testing.T) (Suite, Hidden) { return Suite{t}, Hidden{base{t}} }\n",
		"m_test.go":      "package m\n\nimport (\n\t\"testing\"\n\n\t\"example.com/m/suite\"\n)\n\nfunc TestM(t *testing.T) {\n\ts, h := suite.New(t)\n\ts.Run(\"a\", func(*testing.T) { h.Log(\"b\") })\n}\n",
	})
	_, out := ask(t, "test", "-all", "-v", "-keep=false", "-C", dir)
	if want := "m_test.go:11:32: (*testing.common).Log; call it on the value itself\n"; !strings.Contains(out, "vacuous: nothing was to be chosen") || !strings.Contains(out, want) {
		t.Errorf("it does not say %q:\n%s", want, out)
	}
}

// Goal: what cannot be explored is said in one line, with the place.
func TestModuleThatDoesNotCompile(t *testing.T) {
	dir := module(t, "import \"testing\"\n\nfunc TestM(t *testing.T) { x := 1 }\n")
	code, out := ask(t, "test", "-all", "-C", dir)
	if want := "does not compile: ./m_test.go:5:28: declared and not used: x"; code != exitUsage || out != want {
		t.Errorf("code %d, %q; want %q", code, out, want)
	}
}
