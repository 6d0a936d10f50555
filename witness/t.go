package witness

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	rtcontext "racelab/witness/rt/context"

	"racelab/witness/rt"
)

// T is the testing.T of one run. Sub-tests run in the run of their test; those that call
// Parallel, beside each other when the rest of it has ended.
type T struct {
	*testing.T

	name     string
	cleanups []func()
	failed   bool
	subs     map[string]int // how many sub-tests of a name there were
	cancel   context.CancelFunc
	ctx      context.Context

	parent   *T
	returned bool
	beside   bool // it is parallel
	parallel []*T // those of the sub-tests that are
	over     bool // they may go on
	cleans   bool // what Cleanup was given is called
	ended    bool
}

// running are the T of the run that is under way: a test, and sub-tests within. It is
// no map, as the race detector would see goroutines use that.
var running []*T

// Of returns the T that a *testing.T stands for. Rewritten tests call its methods;
// outside a run they are those of the testing.T.
func Of(t *testing.T) *T {
	for _, w := range running {
		if w.T == t && rt.InRun() {
			return w
		}
	}
	w, _ := outside.LoadOrStore(t, &T{T: t})
	return w.(*T)
}

// outside are the T that stand for a *testing.T outside a run: one each.
var outside sync.Map

// Plain returns the *testing.T of a T that rewritten code has as another type, and anything
// else as it is.
func Plain[I any](x I) I {
	if w, ok := any(x).(*T); ok {
		if t, ok := any(w.T).(I); ok {
			return t
		}
	}
	return x
}

func (w *T) inRun() bool { return w.name != "" && rt.InRun() }

// begin makes the T of a run.
func begin(name string) *T {
	w := &T{T: &testing.T{}, name: name}
	running = append(running, w)
	return w
}

// end is deferred in the body's goroutine.
func (w *T) end() {
	defer w.close()
	w.awaitParallel()
	if w.cleans = true; w.cancel != nil {
		w.cancel()
	}
	w.clean()
}

// clean calls what Cleanup was given. One of them that ends the goroutine keeps none from
// being called.
func (w *T) clean() {
	if len(w.cleanups) == 0 {
		return
	}
	defer w.clean()
	f := w.cleanups[len(w.cleanups)-1]
	w.cleanups = w.cleanups[:len(w.cleanups)-1]
	f()
}

// close is the end of the T.
func (w *T) close() {
	if w.Failed() && !w.failed {
		rt.Fail(fmt.Errorf("%s failed", w.name)) // through a testing.TB, whose words are lost
	}
	for i, other := range running {
		if other == w {
			running = rt.Without(running, i)
			break
		}
	}
	w.ended = true
	rt.Release(unsafe.Pointer(&w.ended))
}

// awaitParallel lets the parallel sub-tests go on, and waits for their ends. A test that
// panics has none.
func (w *T) awaitParallel() {
	if len(w.parallel) == 0 || !w.returned && !w.T.Failed() && !w.T.Skipped() {
		return
	}
	w.over = true
	rt.Release(unsafe.Pointer(&w.over))
	rt.Await(unsafe.Pointer(w), w, "sub-test", "parallel sub-tests", func() bool {
		return !slices.ContainsFunc(w.parallel, func(sub *T) bool { return !sub.ended })
	})
	for _, sub := range w.parallel {
		rt.Acquire(unsafe.Pointer(&sub.ended))
		w.sees(sub)
	}
}

// sees lets the test fail if its sub-test has, which has said why.
func (w *T) sees(sub *T) {
	if sub.Failed() {
		w.failed = true
		w.T.Fail()
	}
}

func (w *T) fail(text string) {
	w.failed = true
	w.T.Fail()
	rt.Fail(fmt.Errorf("%s", plain(strings.TrimSpace(text))))
}

// plain is what failed and why, of a text of testify, which has a label at each part, without
// the difference of what it has shown in full; any other text is as it is.
func plain(text string) string {
	if !strings.HasPrefix(text, "Error Trace:") {
		return text
	}
	var words []string
	label := ""
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), "\t", 2)
		if name, ok := strings.CutSuffix(strings.TrimSpace(parts[0]), ":"); ok && len(parts) == 2 {
			label = name
		}
		said := strings.Join(strings.Fields(parts[len(parts)-1]), " ")
		if said == "Diff:" {
			label = ""
		}
		if said != "" && (label == "Error" || label == "Messages") {
			words = append(words, said)
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), " : ", ": ")
}

func (w *T) Error(args ...any) {
	if w.Helper(); !w.inRun() {
		w.T.Error(args...)
		return
	}
	w.fail(fmt.Sprintln(args...))
}

func (w *T) Errorf(format string, args ...any) {
	if w.Helper(); !w.inRun() {
		w.T.Errorf(format, args...)
		return
	}
	w.fail(fmt.Sprintf(format, args...))
}

func (w *T) Fatal(args ...any) {
	if w.Helper(); !w.inRun() {
		w.T.Fatal(args...)
	}
	w.fail(fmt.Sprintln(args...))
	w.T.FailNow()
}

func (w *T) Fatalf(format string, args ...any) {
	if w.Helper(); !w.inRun() {
		w.T.Fatalf(format, args...)
	}
	w.fail(fmt.Sprintf(format, args...))
	w.T.FailNow()
}

func (w *T) Fail() {
	if w.Helper(); !w.inRun() {
		w.T.Fail()
		return
	}
	w.fail(w.name + " failed")
}

func (w *T) FailNow() {
	if w.Helper(); w.inRun() {
		w.fail(w.name + " failed")
	}
	w.T.FailNow()
}

func (w *T) Log(args ...any) {
	if w.Helper(); !w.inRun() {
		w.T.Log(args...)
		return
	}
	rt.Note(strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
}

func (w *T) Logf(format string, args ...any) {
	if w.Helper(); !w.inRun() {
		w.T.Logf(format, args...)
		return
	}
	rt.Note(fmt.Sprintf(format, args...))
}

// Faults lets up to n things go wrong in this run, from here on: the search chooses
// which, where [T.Fault] asks. With names, only those things: w.Faults(1, "Produce").
func (w *T) Faults(n int, of ...string) { rt.Faults(n, of...) }

// Fault asks what goes wrong with a thing: one of ways, or "" if nothing does, which is
// the default, and always so under go test. A schedule has it as a decision.
//
//	if w.Fault("the disk", "is full") != "" {
//		return ErrFull
//	}
func (w *T) Fault(what string, ways ...string) string { return rt.Fault(what, ways...) }

// Name is that of the test.
func (w *T) Name() string {
	if !w.inRun() {
		return w.T.Name()
	}
	return w.name
}

// Run calls f in a goroutine of its own, as a sub-test, and waits for its end.
func (w *T) Run(name string, f func(*testing.T)) bool {
	if !w.inRun() {
		return w.T.Run(name, f)
	}
	name = w.name + "/" + strings.ReplaceAll(name, " ", "_")
	if w.subs == nil {
		w.subs = map[string]int{}
	}
	w.subs[name]++
	if n := w.subs[name]; n > 1 {
		name += fmt.Sprintf("#%02d", n-1)
	}
	sub := begin(name)
	sub.parent = w
	rt.Call(name, func() {
		defer sub.end()
		f(sub.T)
		sub.returned = true
	}, &sub.beside)
	w.sees(sub)
	return !sub.Failed()
}

// Bubble is synctest.Test of a test in a run. The T in the bubble has an end of its own.
func Bubble(t *testing.T, f func(*testing.T)) {
	w := Of(t)
	sub := begin(w.name)
	defer w.sees(sub)
	rt.Bubble(func() {
		defer sub.end()
		f(sub.T)
		sub.returned = true
	})
}

// Failed says whether the test has failed. A testing.T counts the reports of the race
// detector too, which runs before this one may have made.
func (w *T) Failed() bool {
	if !w.inRun() || !rt.Race {
		return w.T.Failed()
	}
	return reflect.ValueOf(w.T).Elem().FieldByName("failed").Bool()
}

// Parallel lets a sub-test wait for the end of what its parent does besides, and then go on
// beside the others that called it. That of a test does nothing: a run has one test.
func (w *T) Parallel() {
	if !w.inRun() {
		w.T.Parallel()
		return
	}
	if w.parent == nil || w.beside {
		return
	}
	w.beside = true
	w.parent.parallel = append(w.parent.parallel, w)
	rt.Await(unsafe.Pointer(w), w, "sub-test", "Parallel", func() bool { return w.parent.over })
	rt.Acquire(unsafe.Pointer(&w.parent.over))
}

// Cleanup calls f at the end of the body, the last first.
func (w *T) Cleanup(f func()) {
	if !w.inRun() {
		w.T.Cleanup(f)
		return
	}
	w.cleanups = append(w.cleanups, f)
}

// Context ends with the body, before what Cleanup was given is called.
func (w *T) Context() context.Context {
	if !w.inRun() {
		return w.T.Context()
	}
	if w.ctx == nil {
		w.ctx, w.cancel = rtcontext.WithCancel(context.Background())
		if w.cleans {
			w.cancel()
		}
	}
	return w.ctx
}

// TempDir is a new folder, which goes with the body.
func (w *T) TempDir() string {
	if !w.inRun() {
		return w.T.TempDir()
	}
	dir, err := os.MkdirTemp("", "witness")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// ArtifactDir is a new folder too: of a thousand runs nothing is to be left.
func (w *T) ArtifactDir() string {
	if !w.inRun() {
		return w.T.ArtifactDir()
	}
	return w.TempDir()
}

// Chdir changes the folder until the end of the body.
func (w *T) Chdir(dir string) {
	if !w.inRun() {
		w.T.Chdir(dir)
		return
	}
	before, err := os.Getwd()
	if err == nil {
		err = os.Chdir(dir)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = os.Chdir(before) })
}

// Deadline is none in a run.
func (w *T) Deadline() (time.Time, bool) {
	if !w.inRun() {
		return w.T.Deadline()
	}
	return time.Time{}, false
}

// Output is a writer to the log.
func (w *T) Output() io.Writer {
	if !w.inRun() {
		return w.T.Output()
	}
	return logger{w}
}

type logger struct{ w *T }

func (l logger) Write(text []byte) (int, error) {
	l.w.Logf("%s", strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

// Attr does nothing in a run.
func (w *T) Attr(key, value string) {
	if !w.inRun() {
		w.T.Attr(key, value)
	}
}

// Skip logs, and ends the test.
func (w *T) Skip(args ...any) {
	if len(args) > 0 {
		w.Log(args...)
	}
	w.SkipNow()
}

// Skipf logs, and ends the test.
func (w *T) Skipf(format string, args ...any) {
	w.Logf(format, args...)
	w.SkipNow()
}

// Setenv sets a variable until the end of the body.
func (w *T) Setenv(key, value string) {
	if !w.inRun() {
		w.T.Setenv(key, value)
		return
	}
	before, was := os.LookupEnv(key)
	os.Setenv(key, value)
	w.Cleanup(func() {
		if was {
			os.Setenv(key, before)
		} else {
			os.Unsetenv(key)
		}
	})
}
