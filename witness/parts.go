package witness

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racelab/sim/explore"
	"racelab/witness/internal/search"
	"racelab/witness/rt"
)

// partRuns is how many runs one process makes. Processes share nothing, so that what
// is found depends neither on how many there are at a time nor on which of them is
// first.
const partRuns = 100

// part is what one process is to do: some runs of one search, or to tell of one run, be
// that the one of the settings.
type part struct {
	Test       string
	Call       int // which call of Explore in the test, from 1
	From, Runs int // runs before these, and how many these are
	File       string

	Schedule string // of the one run, as Decisions.Lines has it
	Property string // that it breaks, and so does the shortest schedule to be found; empty: as it is
	Answer   Answer // what is known of it already
}

// partial is what a part comes to.
type partial struct {
	Result    explore.Result // without its verdicts
	Broken    []broken
	Points    int
	Longest   int // how many steps a run may have; 0: as always
	Outsiders []string
	Finding   *finding // that it tells of; nil: the run breaks nothing
	Said      string   // of the one run of the settings
}

// broken is a property that some runs of a part broke.
type broken struct {
	Property string
	Bad      int
	Seed     uint64
	Endless  bool
	Sentence string
	Lines    string // the first such run, as Decisions
}

// make does a part, in the process that was started for it. first is what the first run of
// the process broke.
func (p *part) make(t *testing.T, sys *search.System, s *Settings, first string) error {
	if s.Schedule != "" || s.Orders != "" {
		one := repeat
		if s.Schedule == "" {
			one = steer
		}
		f, said, err := one(t, sys, s)
		if err != nil {
			return err
		}
		return p.write(&partial{Finding: f, Said: said})
	}
	if p.Runs == 0 {
		f, err := p.finding(t, sys, s, first)
		if err != nil {
			return err
		}
		return p.write(&partial{Finding: f})
	}
	r, err := runs(sys, s, p.From, p.Runs)
	if err != nil {
		return err
	}
	all := partial{Result: *r, Points: sys.Points(), Longest: sys.Longest, Outsiders: slices.Sorted(slices.Values(rt.Outsiders()))}
	all.Result.Verdicts = nil
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Bad == 0 {
			continue
		}
		b := broken{Property: v.Property, Bad: v.Bad, Seed: v.Seed, Endless: v.Endless, Sentence: v.Err.Error()}
		if !v.Endless {
			b.Lines = decisionsOf(sys, v.Schedule).Lines()
		}
		all.Broken = append(all.Broken, b)
	}
	return p.write(&all)
}

func (p *part) write(all *partial) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(p.File, text, 0o666)
}

// finding tells of the run of a part.
func (p *part) finding(t *testing.T, sys *search.System, s *Settings, first string) (*finding, error) {
	d, err := ParseDecisions(p.Schedule)
	if err != nil {
		return nil, err
	}
	if second := play(sys, nil); first == "" && second.broke != nil {
		return broken{Property: second.property(), Sentence: second.broke.Err.Error()}.onlyAgain(p.Answer, sys.Beside()), nil
	}
	var out outcome
	if p.Property == "" {
		out = play(sys, d)
	} else if out = shrink(sys, d, p.Property); out.property() != p.Property {
		return nil, nil
	}
	if out.broke == nil {
		return nil, nil
	}
	return out.found(t, sys, s, p.Answer), nil
}

// tell lets another process tell of a run; nil: the run breaks nothing.
func (s *Settings) tell(p *part) (*finding, error) {
	done, err := s.process(p)
	if err != nil {
		return nil, err
	}
	return done.Finding, nil
}

// process lets another process do a part.
func (s *Settings) process(p *part) (*partial, error) {
	folder, err := os.MkdirTemp("", "witness")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	p.File = filepath.Join(folder, "finding")
	return p.start(context.Background(), *s)
}

// onlyAgain is the finding that a test breaks when it runs a second time in one process.
// beside says that something went on beside it.
func (b broken) onlyAgain(a Answer, beside bool) *finding {
	a.Property = rt.UnderControl
	a.Sentence = fmt.Sprintf("the test breaks when it runs a second time in one process, as go test -count=2 does it, by the schedule that held the first time (%s: %s); a variable of a package keeps something, and the test is to set it", b.Property, b.Sentence)
	if beside {
		a.Sentence += "; or what the test did not start decides" + strings.TrimSuffix(", at "+strings.Join(slices.Sorted(slices.Values(rt.Outsiders())), ", "), ", at ")
	}
	return &finding{Answer: a, Text: a.Property + ": " + a.Sentence}
}

// hung is what the watchdog of a process said before it ended that.
type hung string

func (h hung) Error() string { return string(h) }

// add adds a later part.
func (whole *partial) add(p *partial) {
	p.Result.Runs += whole.Result.Runs
	p.Result.Steps += whole.Result.Steps
	whole.Result = p.Result
	whole.Points += p.Points
	whole.Longest = max(whole.Longest, p.Longest)
	whole.Outsiders = slices.Compact(slices.Sorted(slices.Values(append(whole.Outsiders, p.Outsiders...))))
	for _, b := range p.Broken {
		if i := slices.IndexFunc(whole.Broken, func(x broken) bool { return x.Property == b.Property }); i >= 0 {
			whole.Broken[i].Bad += b.Bad
		} else {
			whole.Broken = append(whole.Broken, b)
		}
	}
}

// explore lets processes of this binary explore the parts of a search, so many at a
// time, and adds them up in their order. Without Count it ends with the first part
// that broke something.
func (s *Settings) explore(t *testing.T, call int) (*partial, error) {
	folder, err := os.MkdirTemp("", "witness")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	size := partRuns
	if s.Strategy == "bounded" || s.Strategy == "feedback" {
		size = s.Runs // What is left to do depends on all that was done: there are no parts.
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type answer struct {
		*partial
		error
	}
	var answers []chan answer
	for from := 0; from < s.Runs; from += size {
		answers = append(answers, make(chan answer, 1))
	}
	next := make(chan int)
	for range max(1, s.Workers) {
		go func() {
			for i := range next {
				p := &part{Test: t.Name(), Call: call, From: i * size, Runs: min(size, s.Runs-i*size), File: filepath.Join(folder, fmt.Sprint(i))}
				done, err := p.start(ctx, *s)
				answers[i] <- answer{done, err}
			}
		}()
	}
	go func() {
		defer close(next)
		for i := range answers {
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	whole := &partial{}
	for _, c := range answers {
		a := <-c
		if a.error != nil {
			return nil, a.error
		}
		whole.add(a.partial)
		if len(whole.Broken) > 0 && !s.Count {
			break
		}
	}
	order := (&rt.System{}).Properties()
	rank := func(b broken) int { return (slices.Index(order, b.Property) + len(order) + 1) % (len(order) + 1) }
	slices.SortStableFunc(whole.Broken, func(x, y broken) int { return cmp.Compare(rank(x), rank(y)) })
	return whole, nil
}

// start starts a process for a part and awaits its end.
func (p *part) start(ctx context.Context, s Settings) (*partial, error) {
	s.Part = p
	environment, err := s.Save(p.File + ".settings")
	if err != nil {
		return nil, err
	}
	var pattern []string
	for name := range strings.SplitSeq(p.Test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, slices.Concat([]string{"-test.run=" + strings.Join(pattern, "/"), "-test.timeout=0", "-test.count=1"}, s.Args)...)
	c.Env = environment
	var said, complained bytes.Buffer
	c.Stdout, c.Stderr = &said, &complained
	// The process ends when its standard input does: with this one, whatever ends that.
	alive, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	defer alive.Close()
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == rt.ExitHung && ctx.Err() == nil {
		_, line, _ := strings.Cut("\n"+complained.String(), "\nwitness: ")
		return nil, hung(strings.TrimSpace(line))
	}
	content, gone := os.ReadFile(p.File)
	if gone != nil {
		return nil, fmt.Errorf("a process of the search ended before its runs did: %w\n%s", cmp.Or(err, errors.New("exit status 0")), tail(complained.String()+said.String()))
	}
	done := &partial{}
	return done, json.Unmarshal(content, done)
}

// tail is what a process said at its end: the last lines, or the first of what Go says
// when it ends one.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "SIGSEGV: ") {
			return strings.Join(lines[i:min(len(lines), i+10)], "\n")
		}
	}
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// endsWithItsParent ends this process when the one that started it is gone.
func endsWithItsParent() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
}
