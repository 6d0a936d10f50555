package rt

import (
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// drift is how far a timer may overtake a goroutine that can run.
const drift = 50 * time.Millisecond

// grace is how long, by the virtual clock, goroutines go on after the body has
// ended. What is blocked then, and not by a timer, is left over.
const grace = time.Second

// epoch is when the virtual clock starts.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// active is the run that is under way, if any. One at a time: a process has one
// set of package variables.
var active *run

// run is one execution of the body under control.
type run struct {
	goroutines []*goroutine // all so far, by number
	cur        *goroutine   // who runs now; nil: the search does
	last       *goroutine   // who ran last
	killed     bool         // the run is over: operations do nothing
	numbers    table[int]   // by the hash of a name
	processes  int
	objects    []*object
	byAddress  table[*object]
	keys       table[int]       // numbers of map keys that have no order, from 1
	ticks      table[bool]      // channels of timers whose buffer is not to be seen
	kept       []unsafe.Pointer // the addresses of both, so that none comes again

	now      time.Duration // since epoch
	idle     time.Duration // when all goroutines were idle last
	drift    time.Duration // see drift
	timers   []*timer      // armed, in the order of arming
	ended    time.Duration // when the body ended; -1: it has not
	moved    time.Duration // when the body's goroutine took its last step
	clock    int           // how often the clock has moved on
	since    int           // clock, when the body's goroutine took its last step
	quiet    int           // clock, since when the same goroutines act; see System.forward
	forwards int           // how often that was called since the body's goroutine moved
	accesses []access
	calm     int
	firing   bool // a timer goes off
	progress bool // the step did something besides polling
	failed   []failure
	notes    []string
	made     []made
	faults   int      // how many things may still go wrong: see Faults
	faulty   []string // which; empty: all

	end   byte           // all that a goroutine did comes before what is done after the run: see Release
	by    unsafe.Pointer // what made the timer that goes off
	races int            // reports of the race detector so far
}

type failure struct {
	property string
	err      error
}

type access struct {
	object *object
	write  bool
}

// object is what goroutines share: a channel, a lock, a variable.
type object struct {
	number int
	kind   string
	site   uintptr // where it was used first
	ref    any     // keeps the address from being used again
	state  any
}

func (o *object) String() string { return o.kind + " first used at " + at(o.site).place }

type status uint8

const (
	parked  status = iota // at a point
	waiting               // in a queue, until a partner or a timer comes
	ready                 // the operation is done; it may go on
	ended
)

// goroutine is one goroutine of a run.
type goroutine struct {
	number  int
	process int // its number for the search, which counts timers too
	name    string
	hash    uint64 // of name
	status  status
	op      operation
	line    *line   // of op
	made    uintptr // the go statement; 0: there is none
	use     use     // op, if it is one: it needs no memory of its own
	atomic  bool    // see Atomic
	inside  bool    // see here: it goes on before anybody else does, as far as it can
	holds   []*object
	gone    *bool   // of what it waits in a channel's queue for
	self    uintptr // see self
	polls   int     // operations without progress since somebody else ran
	ran     int     // run.clock at its last step
	stands  bool    // see System.forward
	body    bool    // it does what the body's own goroutine waits for: see Call
	clears  bool    // it reached its end by runtime.Goexit
	next    func() (turn, bool)
	stop    func()
	yield   func(turn) bool
	over    bool // the function returned
}

// result says what became of an operation.
type result uint8

const (
	done  result = iota
	wait         // the goroutine is in a queue
	again        // the goroutine stays at the point
)

// operation is what a goroutine is about to do at a point.
type operation interface {
	// ways is in how many ways it can take place now; 0: not now.
	ways() int
	// label says what it is: "Lock", "send". way is below ways.
	label(way int) string
	// do lets it take place.
	do(g *goroutine, way int) result
	// object is what it waits for when it cannot take place; nil: nothing.
	object() *object
}

// current returns the goroutine that runs now, if it is under control.
func current() *goroutine {
	r := active
	if r == nil || r.cur == nil {
		return nil
	}
	if g := r.cur; g.self == self() {
		return g
	}
	outsider()
	return nil
}

// at parks the goroutine before an operation, until that has taken place. It
// reports false if the run is over, and the operation must do nothing.
func (g *goroutine) at(op operation) bool {
	r := active
	if r.killed {
		g.dying()
		return false
	}
	g.op, g.status = op, parked
	g.line, g.inside = here()
	g.park()
	return true
}

// dying counts what a goroutine still does after its run. A deferred function that
// loops until something comes would never end: it is cut off, and the next one goes on.
func (g *goroutine) dying() {
	if g.polls++; g.polls > 10_000 {
		g.polls = 0
		runtime.Goexit()
	}
}

// gives takes a lock off those that the goroutine holds.
func (g *goroutine) gives(o *object) {
	for i, held := range g.holds {
		if held == o {
			g.holds = Without(g.holds, i)
			return
		}
	}
}

// park hands back to the search.
func (g *goroutine) park() {
	if !g.handOver() {
		runtime.Goexit()
	}
}

// handOver lets the search go on. It returns when that lets the goroutine go on; false:
// only to end.
func (g *goroutine) handOver() (goesOn bool) {
	r := active
	Release(unsafe.Pointer(&r.end))
	raceOff()
	goesOn = g.yield(turn{})
	raceOn()
	if !goesOn || r.killed {
		Acquire(unsafe.Pointer(&r.end))
	}
	return goesOn
}

// turn is what a goroutine hands over. No other code has iter.Pull of its like, which
// the race detector would see.
type turn struct{ _ struct{ _ struct{} } }

// start makes a goroutine; it stands before its first statement.
func (r *run) start(name string, f func()) *goroutine {
	g := &goroutine{number: len(r.goroutines), process: r.newProcess(), name: r.numbered(name), op: begin{}, line: unknown, status: parked}
	g.hash = hashOf(g.name)
	if r.cur == nil {
		raceOn() // It comes after what was done before the run.
		defer raceOff()
	}
	by := r.by
	g.next, g.stop = iter.Pull(func(yield func(turn) bool) {
		g.yield, g.self = yield, self()
		if by != nil {
			Acquire(by)
		}
		defer g.exit()
		f()
		g.over = true
	})
	r.goroutines = append(r.goroutines, g)
	return g
}

// numbered makes a name that no other goroutine or timer of the run has.
func (r *run) numbered(name string) string {
	n, _ := r.numbers.at(hashOf(name))
	if *n++; *n > 1 {
		name += ":" + strconv.Itoa(*n)
	}
	return name
}

func (r *run) newProcess() int {
	r.processes++
	return r.processes - 1
}

// begin is the point before a goroutine's first statement.
type begin struct{}

func (begin) ways() int                 { return 1 }
func (begin) label(int) string          { return "starts" }
func (begin) do(*goroutine, int) result { return done }
func (begin) object() *object           { return nil }

// exit is deferred by each goroutine: it sees a panic, and keeps runtime.Goexit
// (t.FailNow) from passing on to the search.
func (g *goroutine) exit() {
	r := active
	if r != nil {
		Release(unsafe.Pointer(&r.end))
		Release(unsafe.Pointer(g))
	}
	if g.over {
		return
	}
	reason := recover()
	if r == nil || r.killed {
		return
	}
	g.status = ended
	if reason != nil {
		r.fail(NoPanic, &Panic{Goroutine: g.name, Reason: reason, Stack: string(debug.Stack())})
		return
	}
	g.clears = true
	g.handOver() // returns when the run is cleared away
}

// resume lets a goroutine run to its next point.
func (r *run) resume(g *goroutine) {
	r.cur = g
	_, going := g.next()
	r.cur, r.last = nil, g
	if !going {
		g.status = ended
	}
	if g.status == ended && g.number == 0 && r.ended < 0 {
		r.ended = r.now
	}
}

// clear ends all goroutines: deferred functions run, their operations do nothing.
func (r *run) clear() {
	r.killed = true
	raceOn()
	defer raceOff()
	Release(unsafe.Pointer(&r.end))
	defer Acquire(unsafe.Pointer(&r.end))
	for _, g := range r.goroutines {
		if g.status == ended && !g.clears {
			continue
		}
		g.polls = 0
		r.cur = g
		cleared := make(chan struct{})
		go func() { // Goexit passes through stop.
			defer close(cleared)
			defer raceOn()
			raceOff()
			g.stop()
		}()
		<-cleared
	}
	r.cur = nil
	active = nil
}

func (r *run) fail(property string, err error) { r.failed = append(r.failed, failure{property, err}) }

// touch records that the step reads or writes an object.
func (r *run) touch(o *object, write bool) {
	r.accesses = append(r.accesses, access{o, write})
}

// objectAt returns the object at an address, and makes it at first use. ref
// keeps the address alive.
func (r *run) objectAt(address unsafe.Pointer, kind string, ref any, skip int) *object {
	o, had := r.byAddress.at(uint64(uintptr(address)))
	if !had {
		var pc [1]uintptr
		runtime.Callers(2+skip, pc[:])
		*o = &object{number: len(r.objects), kind: kind, site: pc[0], ref: ref}
		r.objects = append(r.objects, *o)
	}
	return *o
}

// Panic is a panic that no function of the body recovered.
type Panic struct {
	Goroutine string
	Reason    any
	Stack     string
}

func (p *Panic) Error() string {
	reason := fmt.Sprint(p.Reason)
	if e, ok := p.Reason.(error); ok {
		reason = e.Error()
	}
	where := ""
	if at := panicSite(p.Stack); at != "" {
		where = " at " + at
	}
	return fmt.Sprintf("%s panicked%s: %s", p.Goroutine, where, reason)
}

// panicSite is the first line of source after the runtime's own in a stack that
// debug.Stack wrote while a panic went through.
func panicSite(stack string) string {
	lines := strings.Split(stack, "\n")
	seen := false
	for i, line := range lines {
		if strings.HasPrefix(line, "panic(") {
			seen = true
			continue
		}
		if !seen || !strings.HasPrefix(line, "\t") {
			continue
		}
		function := lines[i-1]
		if strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "panic(") ||
			strings.HasPrefix(function, "racelab/witness/rt.") || strings.HasPrefix(function, "racelab/witness/rt/") {
			continue
		}
		at, _, _ := strings.Cut(strings.TrimSpace(line), " +0x")
		return filepath.Base(at)
	}
	return ""
}
