package rt

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// What is judged of every run.
const (
	Fails      = "no-failure" // the body calls no t.Error, t.Fatal and the like
	NoPanic    = "no-panic"
	NoDeadlock = "no-deadlock"
	NoLeak     = "no-goroutine-left"
	NoRace     = "no-data-race" // with -race

	// UnderControl is broken by a step that hangs: see Patience. It ends the process.
	UnderControl = "under-control"
)

// Event is something that may happen next.
type Event struct {
	Actor   string // a goroutine or a timer
	Label   string
	Process int // its number
}

func (e Event) String() string { return e.Actor + " " + e.Label }

// Violation is what a step broke.
type Violation struct {
	Property string
	Err      error
}

// Access is a read or a write of an object.
type Access struct {
	Object int
	Write  bool
}

// Blocked is a goroutine that waits for an object.
type Blocked struct {
	Event
	Object int
}

// System is a body of Go code as a search sees it. Each Reset runs it anew.
type System struct {
	// Leaks says that goroutines which are left, and wait for ever, break a run.
	Leaks bool

	body func()
	run  *run

	enabled    []Event
	choices    []choice
	violations []Violation
	history    uint64
	trace      []Step
	points     int                      // steps with a choice, and those of other goroutines than the first, over all runs
	finished   bool                     // the ends have been judged
	idle       bool                     // no goroutine can go on
	ends       map[uint64]time.Duration // of runs that forward ended, by their history: when
	watch      *watchdog
	others     int // goroutines that were there before the first run
}

// choice is what an enabled event stands for.
type choice struct {
	g   *goroutine
	way int
	t   *timer

	hash uint64 // of the label; 0: it is not known
}

// faulty says that it decides whether something goes wrong.
func (c choice) faulty() bool {
	if c.g == nil || c.way < 0 {
		return false
	}
	_, ok := c.g.op.(*fault)
	return ok
}

// NewSystem returns the System of a body.
func NewSystem(body func()) *System {
	searches = true
	watch := &watchdog{}
	go watch.look()
	return &System{Leaks: true, body: body, watch: watch, ends: map[uint64]time.Duration{}}
}

// Fail reports from within a run that the body's test fails.
func Fail(err error) {
	if g := current(); g != nil && !active.killed {
		active.fail(Fails, err)
	}
}

// End reports from within a run that the process ends there.
func End(err error) {
	if g := current(); g != nil && !active.killed {
		active.fail(NoPanic, err)
		g.at(&yielding{"end"})
	}
}

// Note adds a line to what the step did, such as a line of the test's log.
func Note(line string) {
	if g := current(); g != nil && !active.killed {
		active.notes = append(active.notes, line)
	}
}

// InRun says whether the caller is under control.
func InRun() bool { return current() != nil }

// Reset ends the run, if there is one, and starts another.
func (s *System) Reset() {
	s.Close()
	raceOff()
	defer raceOn()
	if s.others == 0 {
		s.others = runtime.NumGoroutine()
	}
	r := &run{ended: -1, races: raceReports(), drift: drift}
	s.run, active = r, r
	s.violations, s.history, s.finished = nil, 0, false
	r.start("main", s.body)
	s.look()
}

// Close ends the run.
func (s *System) Close() {
	if s.run != nil {
		raceOff()
		defer raceOn()
		s.watch.begin(Event{Actor: "what the run left", Label: "end of the run"})
		s.run.clear()
		s.watch.end()
		s.run = nil
	}
}

func (s *System) started() *run {
	if s.run == nil {
		s.Reset()
	}
	return s.run
}

// pollsAllowed is how often a goroutine may poll in a row while others can go on:
// a loop that waits for a variable or a channel would keep them from it.
const pollsAllowed = 10

// look lists what may happen next: first what the goroutine that ran last may do,
// so that a search which takes the first of all changes as seldom as can be.
func (s *System) look() {
	r := s.run
	s.enabled, s.choices = s.enabled[:0], s.choices[:0]
	if len(r.failed) > 0 && r.over() {
		return
	}
	if r.last != nil {
		s.offer(r.last)
	}
	for _, g := range r.goroutines {
		if g != r.last {
			s.offer(g)
		}
	}
	// An answer by a real socket comes long before a timeout, but this clock would be at the
	// timeout at once.
	s.idle = len(s.enabled) == 0 && !(r.ended < 0 && len(r.timers) > 0 && s.awaitOutsiders(200*time.Millisecond>>outsiders.vain))
	idle := s.idle || s.pollers()
	if idle && (r.waitsTooLong() || s.idle && r.nothingComes()) {
		s.judge()
		return
	}
	for _, t := range r.due(idle) {
		if r.ended >= 0 && t.when > r.ended+grace {
			continue
		}
		e := Event{t.name, "fires", t.process}
		if t.who != nil {
			e.Label = "Sleep ends"
		}
		s.enabled = append(s.enabled, e)
		s.choices = append(s.choices, choice{t: t})
	}
	if len(s.enabled) == 0 {
		s.judge()
	}
	if i := slices.IndexFunc(s.choices, choice.faulty); i >= 0 {
		to := i + s.choices[i].g.op.ways()
		s.enabled, s.choices = s.enabled[i:to], s.choices[i:to]
		return
	}
	if r.calm > 0 && len(s.enabled) > 1 {
		s.enabled, s.choices = s.enabled[:1], s.choices[:1]
		return
	}
	for i, c := range s.choices {
		if len(s.enabled) > 1 && c.g != nil && (c.g.atomic || c.g.inside) {
			s.enabled, s.choices = s.enabled[i:i+1], s.choices[i:i+1]
			return
		}
	}
}

// Calm takes the default schedule while f runs: what it does is no part of the
// search.
func Calm(f func()) {
	if current() == nil {
		f()
		return
	}
	r := active
	r.calm++
	defer func() { r.calm-- }()
	f()
}

// Atomic lists packages whose goroutines go on to where they wait before anybody
// else does anything: a broker in memory, which is not what is looked at.
var Atomic []string

// over says whether a panic ended the process.
func (r *run) over() bool {
	return slices.ContainsFunc(r.failed, func(f failure) bool { return f.property == NoPanic })
}

func (s *System) offer(g *goroutine) {
	add := func(text string, hash uint64, way int) {
		s.enabled = append(s.enabled, Event{g.name, text, g.process})
		s.choices = append(s.choices, choice{g: g, way: way, hash: hash})
	}
	switch g.status {
	case ready:
		l := g.line.label(g.op.label(0))
		add(l.done, l.hash+1, -1)
	case parked:
		if f, ok := g.op.(*fault); ok {
			for way, name := range f.names {
				s.enabled = append(s.enabled, Event{f.what, name, g.process})
				s.choices = append(s.choices, choice{g: g, way: way})
			}
			return
		}
		for way := range g.op.ways() {
			l := g.line.label(g.op.label(way))
			add(l.text, l.hash, way)
		}
	}
}

// pollers leaves out goroutines that only poll, if anybody else can go on, and says
// whether all do.
func (s *System) pollers() (all bool) {
	polls := func(c choice) bool { return c.g.polls >= pollsAllowed }
	all = !slices.ContainsFunc(s.choices, func(c choice) bool { return !polls(c) })
	if all {
		return true
	}
	kept := 0
	for i, c := range s.choices {
		if !polls(c) {
			s.choices[kept], s.enabled[kept] = c, s.enabled[i]
			kept++
		}
	}
	s.choices, s.enabled = s.choices[:kept], s.enabled[:kept]
	return false
}

// longest is how long, by the virtual clock, the body's goroutine may wait while
// others go on: go test allows a test as much.
const longest = 10 * time.Minute

// waitsTooLong says that the body's goroutine has waited as long as it may while only
// ticks came. It is asked when all are idle.
func (r *run) waitsTooLong() bool {
	return r.now-r.moved >= longest && r.clock-r.since >= turns && r.onlyTicks()
}

// onlyTicks says that the body's goroutine waits, and all that is to come are timers that
// others armed meanwhile, such as tickers.
func (r *run) onlyTicks() bool {
	return r.ended < 0 && !r.sleeps(r.goroutines[0]) &&
		!slices.ContainsFunc(r.timers, func(t *timer) bool { return t.since <= r.moved && !t.repeats })
}

// nothingComes says that all timers are tickers whose tick would be lost, as nobody took
// the one before. It is asked when nobody can go on.
func (r *run) nothingComes() bool {
	return len(r.timers) > 0 && !slices.ContainsFunc(r.timers, func(t *timer) bool { return t.full == nil || !t.full() })
}

// judge says what is left, unless code outside the run lets somebody go on.
func (s *System) judge() {
	r := s.run
	s.enabled, s.choices = s.enabled[:0], s.choices[:0]
	if s.finished || r.ended < 0 && s.awaitOutsiders(time.Second>>min(outsiders.vain, 4)) || s.woken() {
		return
	}
	s.finished = true
	var stuck []*goroutine
	for _, g := range r.goroutines {
		if g.status != ended && !r.sleeps(g) {
			stuck = append(stuck, g)
		}
	}
	// Who waits for a lock says most, after the body's own.
	slices.SortStableFunc(stuck, func(x, y *goroutine) int { return x.rank() - y.rank() })
	switch {
	case r.ended < 0 && len(stuck) > 0:
		s.violations = append(s.violations, Violation{Property: NoDeadlock, Err: &Stuck{r, stuck, false}})
	case r.ended >= 0 && len(stuck) > 0 && s.Leaks:
		s.violations = append(s.violations, Violation{Property: NoLeak, Err: &Stuck{r, stuck, true}})
	}
}

// sleeps says whether a goroutine waits for a timer.
func (r *run) sleeps(g *goroutine) bool {
	return slices.ContainsFunc(r.timers, func(t *timer) bool { return t.who == g })
}

func (g *goroutine) rank() int {
	switch {
	case g.number == 0:
		return 0
	case g.holders() != nil:
		return 1
	case g.atomic:
		return 3
	}
	return 2
}

// holders are those who hold the lock that a goroutine waits for.
func (g *goroutine) holders() []*goroutine {
	if h, ok := g.op.(interface{ holders() []*goroutine }); ok {
		return h.holders()
	}
	return nil
}

// Enabled lists what may happen next.
func (s *System) Enabled() []Event {
	s.started()
	return s.enabled
}

// forcedSteps is how many steps without a choice follow one at once.
const forcedSteps = 100

// Take lets the i-th of Enabled happen, and then what must follow it: a step
// without an alternative is no choice.
func (s *System) Take(i int) {
	r := s.started()
	raceOff()
	defer raceOn()
	if i < 0 || i >= len(s.choices) {
		panic(fmt.Sprintf("rt: choice %d of %d", i, len(s.choices)))
	}
	s.violations, r.accesses, s.trace = s.violations[:0], r.accesses[:0], s.trace[:0]
	s.take(i)
	for n := 0; ; n++ {
		if s.idle && len(s.enabled) > 0 && r.clock-r.quiet >= turns && r.onlyTicks() {
			s.forward()
		}
		if n == forcedSteps || len(s.enabled) != 1 || len(s.violations) > 0 {
			return
		}
		s.take(0)
	}
}

// Step is one step of a run.
type Step struct {
	Event Event
	Notes []string // what the test logged in it
	Aside bool     // it happened where nothing was chosen (within Calm, or by a goroutine of Atomic), or nothing went wrong
	Next  Next
	Late  time.Duration // it is a timer's, and that was due so long before
	line  *line
}

// Site is the line at which it happened: "cache.go:41".
func (s Step) Site() string { return s.line.place }

// Trace lists the steps of the last Take.
func (s *System) Trace() []Step { return s.trace }

func (s *System) take(i int) {
	r := s.run
	e, c := s.enabled[i], s.choices[i]
	r.failed, r.notes, r.progress = r.failed[:0], r.notes[:0], true
	s.history = mix(mix(s.history, c.actor(e)), c.label(e))
	step := Step{Event: e, Aside: r.calm > 0 || c.g != nil && c.g.atomic, Next: s.Next(i), line: unknown}
	switch {
	case c.faulty():
		step.Aside = c.way == 0
	case c.g != nil:
		step.line = c.g.line
	}
	if len(s.choices) > 1 || c.g != nil && c.g.number != 0 && !c.g.body {
		s.points++
	}
	s.watch.begin(e)
	switch {
	case c.t != nil:
		step.Late = max(0, r.now-c.t.when)
		r.fire(c.t)
	case c.way < 0:
		r.resume(c.g)
	default:
		switch c.g.op.do(c.g, c.way) {
		case done:
			r.resume(c.g)
		case wait:
			c.g.status = waiting
		}
		r.last = c.g
	}
	if c.g != nil {
		c.g.ran = r.clock
	}
	if c.g != nil && c.g.number == 0 {
		r.moved, r.since, r.quiet, r.forwards = r.now, r.clock, r.clock, 0
	}
	s.watch.end()
	switch {
	case c.g == nil || r.progress:
		for _, g := range r.goroutines {
			g.polls = 0
		}
	default:
		c.g.polls++
		for _, g := range r.goroutines {
			if g != c.g && g.polls < pollsAllowed {
				g.polls = 0
			}
		}
	}
	if n := raceReports(); n > r.races {
		r.races = n
		r.raced(c.g)
	}
	for _, f := range r.failed {
		s.violations = append(s.violations, Violation{Property: f.property, Err: f.err})
	}
	step.Notes = append(r.notes[:0:0], r.notes...)
	s.trace = append(s.trace, step)
	s.look()
}

// mix adds to a hash.
func mix(h, more uint64) uint64 {
	h = (h ^ more) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// actor and label hash what an event says: those of goroutines are known.

func (c choice) actor(e Event) uint64 {
	if c.hash != 0 {
		return c.g.hash
	}
	return hashOf(e.Actor)
}

func (c choice) label(e Event) uint64 {
	if c.hash != 0 {
		return c.hash
	}
	return hashOf(e.Label)
}

// Fingerprint hashes the choices since the start. Two runs are never taken to be
// in one state: nobody can look at all of a Go process.
func (s *System) Fingerprint() uint64 { s.started(); return s.history }

// Properties names what is judged of every run.
func (s *System) Properties() []string {
	all := []string{Fails, NoPanic, NoDeadlock, NoLeak}
	if Race {
		all = append(all, NoRace)
	}
	return all
}

// Violations lists what the last step broke.
func (s *System) Violations() []Violation { return s.violations }

// Tested says that every run puts all to the test.
func (s *System) Tested() uint64 { return ^uint64(0) }

// Accesses lists the objects that the last step read or wrote.
func (s *System) Accesses() []Access {
	var all []Access
	for _, a := range s.started().accesses {
		all = append(all, Access{a.object.number, a.write})
	}
	return all
}

// ObjectName names an object of Accesses.
func (s *System) ObjectName(n int) string { return s.started().objects[n].String() }

// Blocked lists the goroutines that wait.
func (s *System) Blocked() []Blocked {
	raceOff()
	defer raceOn()
	var blocked []Blocked
	for _, g := range s.started().goroutines {
		if g.status == ended || g.status == ready || g.status == parked && g.op.ways() > 0 {
			continue
		}
		if o := g.op.object(); o != nil {
			blocked = append(blocked, Blocked{Event{g.name, g.op.label(0), g.process}, o.number})
		}
	}
	return blocked
}

// Next is what one of Enabled is about.
type Next struct {
	Object uintptr   // names its object: the line at which that was used first; 0: none
	Lock   bool      // it takes the object, a lock
	Holds  []uintptr // the locks that its goroutine holds
	Faults int       // how many faults the run still allows, if it is one
}

// Next says what the i-th of Enabled is about.
func (s *System) Next(i int) (n Next) {
	c := s.choices[i]
	if c.g == nil || c.way < 0 {
		return n
	}
	if c.faulty() && c.way > 0 {
		n.Faults = s.run.faults
	}
	o := c.g.op.object()
	if o == nil {
		return n
	}
	n.Object = o.site
	if _, n.Lock = c.g.op.(interface{ holders() []*goroutine }); n.Lock {
		for _, held := range c.g.holds {
			n.Holds = append(n.Holds, held.site)
		}
	}
	return n
}

// Now is the virtual time since the start of the run.
func (s *System) Now() time.Duration { return s.started().now }

// Ended says whether the body has.
func (s *System) Ended() bool { return s.started().ended >= 0 }

// Goroutines is how many there have been so far.
func (s *System) Goroutines() int { return len(s.started().goroutines) }

// Points is how many steps had a choice, or were of goroutines that the body started,
// over all runs. Zero: nothing was controlled, and the search is vacuous.
func (s *System) Points() int { return s.points }

// Stuck is a run that cannot go on, or goroutines that are left when it ended.
type Stuck struct {
	run  *run
	all  []*goroutine
	left bool // after the end of the body
}

// Error says who waits for what, and who holds it.
func (s *Stuck) Error() string {
	var b strings.Builder
	switch {
	case s.left:
		fmt.Fprintf(&b, "%d left when the body had ended: ", len(s.all))
	case s.run.now-s.run.moved >= longest:
		fmt.Fprintf(&b, "for %v by the virtual clock, ", longest)
	}
	for i, g := range s.all {
		if i > 0 {
			b.WriteString("; ")
		}
		if i == 5 && len(s.all) > 6 {
			fmt.Fprintf(&b, "and %d more", len(s.all)-i)
			break
		}
		fmt.Fprintf(&b, "%s waits in %s", g.name, strings.TrimSuffix(g.op.label(0), ", in line"))
		if g.line.place != "" {
			b.WriteString(" at " + g.line.place)
		}
		for _, holder := range g.holders() {
			switch {
			case holder == nil:
			case holder == g:
				b.WriteString(", which it holds itself")
			default:
				b.WriteString(", which " + holder.name + " holds")
			}
		}
		if g.op.object() == nil && g.op.label(0) != nothing {
			b.WriteString(" on nil")
		}
	}
	return b.String()
}

// Patience is how long, by the wall clock, one step may take, and all those of a process
// together that take a tenth of it or more.
var Patience = 10 * time.Second

// watchdog says which step does not come to its end: code that blocks for real, or
// a loop without a point. The process cannot go on then, and ends.
type watchdog struct {
	steps atomic.Int64
	what  Event
}

func (w *watchdog) begin(e Event) {
	w.what = e
	w.steps.Add(1)
}

func (w *watchdog) end() { w.steps.Add(1) }

func (w *watchdog) look() {
	const looks = 10
	var before int64
	for same := 0; ; {
		time.Sleep(Patience / looks)
		now := w.steps.Load()
		if now%2 == 0 || now != before {
			before = now
			continue
		}
		if same++; same == looks-1 {
			var b strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&b, 2)
			fmt.Fprintf(os.Stderr, "witness: %s\n", hang(w.what, b.String()))
			os.Exit(ExitHung)
		}
	}
}

// hang says where the goroutine hangs that took a step, by the stacks of all.
func hang(after Event, stacks string) string {
	text := fmt.Sprintf("%s comes to no point after %q", after.Actor, after.Label)
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		lines := strings.Split(stack, "\n")
		if strings.Contains(lines[0], "[coroutine") || !strings.Contains(stack, "racelab/witness/rt.(*run).start.") {
			continue
		}
		called := ""
		for i := 1; i+1 < len(lines); i += 2 {
			function := lines[i]
			if strings.HasSuffix(function, ")") {
				function = function[:strings.LastIndexByte(function, '(')] // without its arguments
			}
			file, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
			if strings.Contains(file, "/witness/rt/") {
				break
			}
			if strings.HasPrefix(file, standard()) {
				called = function
				continue
			}
			text += ", at " + filepath.Base(file)
			if called == "" {
				return text + ": a loop without a point; leave the test out by -skip, or let the loop call runtime.Gosched"
			}
			if state, _, _ := strings.Cut(lines[0][strings.IndexByte(lines[0], '[')+1:], "]"); !strings.HasPrefix(state, "IO wait") && !strings.HasPrefix(state, "syscall") {
				called += " waits for another goroutine, and"
			}
			return text + ": " + called + " blocks out of control; leave the test out by -skip, or let it use channels, io.Pipe or witness.Connect"
		}
	}
	return text + ": it blocks in code that was not rewritten; leave the test out by -skip"
}

// ExitHung is the exit code of a process that the watchdog ends.
const ExitHung = 86
