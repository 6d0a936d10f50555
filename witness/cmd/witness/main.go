// Witness explores Go tests under every schedule that a search chooses; see
// package racelab/witness.
//
//	witness test [flags] [packages]
//	witness release CLIENT@VERSION [EXPERIMENT ...]
//	witness table CLIENT@VERSION ...
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"racelab/witness"
	"racelab/witness/internal/build"
	"racelab/witness/internal/names"
)

// Exit codes, as simrun has them.
const (
	exitHolds       = 0
	exitBroken      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	interrupted := ctx.Err() != nil
	release()
	if interrupted {
		code = exitInterrupted
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
	}
	os.Exit(code)
}

const usage = `Usage:
  witness test [flags] [packages] [-args ...]    explore the tests that call witness.Explore
  witness test -all [flags] [packages]           explore every test, unmodified
  witness release CLIENT@VERSION [EXPERIMENT ...]
                                                 explore a released client of Kafka: these experiments, or all
  witness release CLIENT                         list its experiments
  witness table CLIENT@VERSION ...               all experiments on releases, as a table

`

// output is stdout, and why it could not be written.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.Writer.Write(text)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// command does what the arguments ask, and returns the exit code.
func command(ctx context.Context, args []string, stdout, errs io.Writer) (int, error) {
	out := &output{Writer: stdout}
	code, err := answer(ctx, args, out, errs)
	if err == nil && out.err != nil {
		return exitUsage, out.err // What was not written is no verdict.
	}
	return code, err
}

func answer(ctx context.Context, args []string, out *output, errs io.Writer) (int, error) {
	help := func() (int, error) {
		fmt.Fprint(out, usage, flagsOf(&question{}).FlagUsages())
		return exitHolds, nil
	}
	verb := ""
	if len(args) > 0 {
		verb = args[0]
	}
	switch verb {
	case "test", "release", "table":
	case "-h", "--help", "help":
		return help()
	default:
		return exitUsage, fmt.Errorf("want test, release or table, not %.40q; see witness --help", verb)
	}
	q, err := parse(args[1:])
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return help()
	case err != nil:
		return exitUsage, err
	case verb == "release":
		return q.release(ctx, out, errs)
	case verb == "table":
		return q.table(ctx, out, errs)
	}
	if len(q.packages) == 0 {
		q.packages = []string{"."}
	}
	return q.test(ctx, out, errs)
}

// release explores an experiment on a release.
func (q *question) release(ctx context.Context, out *output, errs io.Writer) (int, error) {
	if len(q.packages) == 1 && !strings.Contains(q.packages[0], "@") {
		client, _, err := build.FindClient(q.packages[0] + "@v1.0.0")
		if err != nil {
			return exitUsage, err
		}
		all, err := client.Experiments()
		if err != nil {
			return exitUsage, err
		}
		for _, e := range all {
			fmt.Fprintln(out, e.Name)
		}
		return exitHolds, nil
	}
	if len(q.packages) == 0 {
		return exitUsage, fmt.Errorf("want a release, such as sarama@v1.43.2, and experiments; without any, all are explored")
	}
	client, version, err := build.FindClient(q.packages[0])
	if err != nil {
		return exitUsage, err
	}
	all, err := client.Experiments()
	if err != nil {
		return exitUsage, err
	}
	var possible []string
	for _, e := range all {
		possible = append(possible, e.Name)
	}
	asked := q.packages[1:]
	if len(asked) == 0 {
		for _, e := range all {
			if client.Cannot(version, e) == "" {
				asked = append(asked, e.Name)
			}
		}
	}
	var tests []string
	for _, name := range asked {
		at := slices.Index(possible, name)
		if at < 0 {
			return exitUsage, fmt.Errorf("no experiment %.40q of %s; there are %s", name, client.Name, strings.Join(possible, ", "))
		}
		if why := client.Cannot(version, all[at]); why != "" {
			return exitUsage, fmt.Errorf("%s", why)
		}
		tests = append(tests, names.Test(name))
		if q.Orders, err = all[at].Orders(q.Orders); err != nil {
			return exitUsage, err
		}
	}
	if q.Orders != "" && len(tests) > 1 {
		return exitUsage, fmt.Errorf("--orders are those of one experiment; there are %s", strings.Join(possible, ", "))
	}
	dir, pkg, err := client.Prepare(ctx, version)
	if err != nil {
		return exitUsage, err
	}
	q.command = "witness release " + q.packages[0] + " EXPERIMENT"
	q.run, q.dir, q.packages, q.Keep, q.Leaks, q.verbose = "^("+strings.Join(tests, "|")+")$", dir, []string{pkg}, false, false, true
	return q.test(ctx, out, errs)
}

// question is what witness test is asked.
type question struct {
	witness.Settings
	all, verbose bool
	race, debug  bool
	short        bool
	run, skip    string
	command      string
	tags         string
	save         string // a file
	dir          string
	packages     []string
}

func flagsOf(q *question) *pflag.FlagSet {
	f := pflag.NewFlagSet("witness test", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.SortFlags = false
	f.BoolVar(&q.all, "all", false, "explore every TestX, unmodified")
	f.BoolVar(&q.race, "race", false, "report data races too; needs cgo, as go test -race does")
	f.StringVar(&q.run, "run", "", "only tests that match this pattern, as go test has it")
	f.StringVar(&q.skip, "skip", "", "no tests that match this pattern, as go test has it")
	f.BoolVarP(&q.verbose, "verbose", "v", false, "say what each test did")
	f.BoolVar(&q.short, "short", false, "testing.Short() holds")
	f.StringVar(&q.tags, "tags", "", "build tags, as go test has them")
	f.IntVar(&q.Runs, "runs", 1000, "how many schedules of each test at most")
	f.StringVar(&q.Strategy, "strategy", "mixed", strings.Join(witness.Strategies(), ", "))
	f.IntVar(&q.Depth, "depth", 3, "pct, mixed: how many orders the bug needs, 1 to 20")
	f.IntVar(&q.Preemptions, "preemptions", 2, "bounded: how often a goroutine loses its turn, 0 to 10; complete if --runs allows")
	f.BoolVar(&q.Count, "count", false, "go through all runs, and say how many of them break")
	f.Uint64Var(&q.Seed, "seed", 1, "the seed of the first run; each further run adds 1")
	f.IntVar(&q.Workers, "workers", runtime.GOMAXPROCS(0), "how many processes explore at a time; what is found is the same")
	f.StringVar(&q.Schedule, "schedule", "", "repeat this schedule: a file, or its text")
	f.BoolVar(&q.debug, "debug", false, "repeat the --schedule under Delve")
	f.StringVar(&q.Orders, "orders", "", "play one run that keeps these orders: \"STEP before STEP; ...\"")
	f.StringSliceVar(&q.Atomic, "atomic", []string{"github.com/twmb/franz-go/pkg/kfake"}, "packages whose goroutines go on to where they wait before anybody else moves")
	f.BoolVar(&q.Leaks, "leaks", true, "goroutines that wait for ever at the end break a test")
	f.BoolVar(&q.Keep, "keep", true, "write what is found to testdata/witness, which is repeated first")
	f.StringVar(&q.save, "save", "", "table: a file for what is found; what it has is not run again")
	f.StringVarP(&q.dir, "dir", "C", ".", "the folder of the module")
	return f
}

// parse reads the flags. Flags may have one dash, as those of go test have.
func parse(args []string) (*question, error) {
	q := &question{}
	f := flagsOf(q)
	if i := slices.Index(args, "-args"); i >= 0 {
		args, q.Args = args[:i], args[i+1:]
	}
	for i, a := range args {
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			name, _, _ := strings.Cut(a[1:], "=")
			if f.Lookup(name) != nil {
				args[i] = "-" + a
			}
		}
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	q.packages = f.Args()
	strategies := witness.Strategies()
	switch {
	case !slices.Contains(strategies, q.Strategy):
		return nil, fmt.Errorf("--strategy %.40q is not possible; possible: %s", q.Strategy, strings.Join(strategies, ", "))
	case q.Depth < 1 || q.Depth > 20:
		return nil, fmt.Errorf("--depth %d is not possible; want 1 to 20", q.Depth)
	case q.Preemptions < 0 || q.Preemptions > 10:
		return nil, fmt.Errorf("--preemptions %d is not possible; want 0 to 10", q.Preemptions)
	case q.Workers < 1:
		return nil, fmt.Errorf("--workers %d is too few; want 1 or more", q.Workers)
	case q.debug && (q.Schedule == "" || q.race):
		return nil, fmt.Errorf("--debug repeats a --schedule, without --race")
	case q.Runs < 1:
		return nil, fmt.Errorf("--runs %d is too few; want 1 or more", q.Runs)
	}
	if q.Schedule != "" {
		text := q.Schedule
		if path, err := filepath.Abs(text); err == nil {
			if content, err := os.ReadFile(path); err == nil {
				text = string(content)
			}
		}
		if _, err := witness.ParseDecisions(text); err != nil {
			return nil, err
		}
		q.Schedule = text
	}
	if _, err := witness.ParseOrders(q.Orders); err != nil {
		return nil, err
	}
	return q, nil
}

// test builds the tests and runs them.
func (q *question) test(ctx context.Context, out *output, errs io.Writer) (int, error) {
	dir, err := filepath.Abs(q.dir)
	if err != nil {
		return exitUsage, err
	}
	tree, err := build.Build(ctx, build.Options{
		Dir: dir, Patterns: q.packages, All: q.all, Race: q.race, Debug: q.debug, Tags: q.tags,
		Say: func(format string, args ...any) { fmt.Fprintf(errs, "witness: "+format+"\n", args...) },
	})
	if err != nil {
		return exitUsage, err
	}
	defer tree.Close()
	q.AsyncTimers, q.Missed = tree.AsyncTimers, tree.Missed
	code := exitHolds
	for _, b := range tree.Binaries {
		failed, err := q.runBinary(ctx, b, out, errs)
		if err != nil {
			return exitUsage, err
		}
		if failed {
			code = exitBroken
		}
	}
	return code, nil
}

// runBinary runs the tests of a package.
func (q *question) runBinary(ctx context.Context, b build.Binary, out *output, errs io.Writer) (failed bool, err error) {
	s := q.Settings
	s.Debug = q.debug
	if q.short {
		s.Args = append([]string{"-test.short"}, s.Args...)
	}
	s.Command = "witness test"
	if q.all {
		s.Command += " -all"
	}
	if q.race {
		s.Command += " -race"
	}
	if q.short {
		s.Command += " -short"
	}
	if q.tags != "" {
		s.Command += " -tags " + q.tags
	}
	if q.dir != "." {
		s.Command += " -C " + q.dir
	}
	s.Command += " " + b.Package + " -run '^TEST$'"
	if q.command != "" {
		s.Command = q.command
		if q.race {
			s.Command += " -race"
		}
	}
	if q.race {
		s.RaceLog = b.Path + ".races"
	}
	if s.Answers == "" {
		s.Answers = b.Path + ".answers"
	}
	environment, err := s.Save(b.Path + ".settings")
	if err != nil {
		return false, err
	}
	args := []string{"-test.timeout=0"}
	if q.run != "" {
		args = append(args, "-test.run="+q.run)
	}
	if q.skip != "" {
		args = append(args, "-test.skip="+q.skip)
	}
	if q.verbose {
		args = append(args, "-test.v")
	}
	args = append(args, s.Args...)
	c := exec.CommandContext(ctx, b.Path, args...)
	if q.debug {
		c = exec.CommandContext(ctx, "dlv", slices.Concat([]string{"exec", "--allow-non-terminal-interactive", b.Path, "--"}, args)...)
		if c.Err != nil {
			return false, fmt.Errorf("--debug needs Delve: go install github.com/go-delve/delve/cmd/dlv@latest")
		}
		c.Stdin = os.Stdin
	}
	c.Dir, c.Stdout, c.Stderr = b.Dir, out.Writer, errs
	c.Env = environment
	if q.race {
		// Each report counts, also one that is like another, as runs are alike.
		c.Env = append(c.Env, "GORACE=log_path="+s.RaceLog+" exitcode=0 history_size=4 suppress_equal_stacks=0 suppress_equal_addresses=0")
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil && q.debug: // Delve's exit code says nothing of the test.
		return false, nil
	case err == nil:
		fmt.Fprintf(out, "ok  \t%s%s\n", b.Package, tally(s.Answers))
		return false, nil
	case errors.As(err, &exit):
		fmt.Fprintf(out, "FAIL\t%s%s\n", b.Package, tally(s.Answers))
		return true, nil
	}
	return false, err
}

// tally counts what was found: "\t3 hold, 1 vacuous, 2 break"; empty: nothing was explored.
func tally(answers string) string {
	file, err := os.Open(answers)
	if err != nil {
		return ""
	}
	defer file.Close()
	var holds, vacuous, breaks, beside int
	for d := json.NewDecoder(file); d.More(); {
		var a witness.Answer
		if err := d.Decode(&a); err != nil {
			return ""
		}
		if len(a.Beside) > 0 {
			beside++
		}
		switch {
		case a.Property != "":
			breaks++
		case a.Vacuous:
			vacuous++
		default:
			holds++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{holds, "hold"}, {vacuous, "vacuous"}, {breaks, "break"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if beside > 0 {
		parts[len(parts)-1] += fmt.Sprintf("; %d beside what is not controlled, which -v lists", beside)
	}
	return "\t" + strings.Join(parts, ", ")
}
