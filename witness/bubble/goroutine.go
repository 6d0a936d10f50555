package bubble

import (
	"runtime"
	"strings"

	"github.com/petermattis/goid"

	"racelab/sim"
)

// Goroutine is one goroutine of a run: one of ours, or one that the released
// code started, known from when it first parks.
type Goroutine struct {
	Name    string
	id      int64
	thread  int
	creator string // of one that we did not start: the function that did
	program func() // of one that we did
	done    bool   // of one that we did

	parked bool
	actor  string // who is to move: the goroutine, or what it stands for
	point  string // what comes next
	awaits Lock   // nil: nothing
	wake   chan struct{}
}

// spawn returns a goroutine that is still to be started.
func spawn(name string, program func()) *Goroutine {
	return &Goroutine{Name: name, program: program, wake: make(chan struct{})}
}

// Lock is something that a parked goroutine may have to wait for.
type Lock interface {
	// Ready says whether the goroutine may go on.
	Ready(g *Goroutine) bool
	// Blocks says whether the waiter cannot have the lock before the holder, or
	// itself, has let go.
	Blocks(waiter, holder *Goroutine) bool
	// Held says as what others hold the lock against the waiter.
	Held(waiter *Goroutine) string
	// Wanted says as what the waiter wants it.
	Wanted(waiter *Goroutine) string
}

// Park stops the calling goroutine before the named point until it is chosen,
// which it is only when the lock, if any, is ready for it. It returns who goes
// on.
func Park(point string, lock Lock) *Goroutine { return ParkAs("", point, lock) }

// ParkAs is Park for a goroutine that stands for something else: a request on
// its way.
func ParkAs(actor, point string, lock Lock) *Goroutine {
	r := Current()
	g := r.self()
	r.mu.Lock()
	g.actor, g.point, g.awaits, g.parked = actor, point, lock, true
	r.mu.Unlock()
	r.arrive()
	<-g.wake
	return g
}

// Self returns the name of the calling goroutine.
func (r *Run) Self() string { return r.self().Name }

// arrive tells whoever lets time pass that somebody has parked.
func (r *Run) arrive() {
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// enter makes the calling goroutine known as g.
func (r *Run) enter(g *Goroutine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.id = goid.Get()
	r.byID[g.id] = g
}

// self returns the calling goroutine.
func (r *Run) self() *Goroutine {
	id := goid.Get()
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.byID[id]
	if g == nil {
		g = &Goroutine{id: id, creator: creator(), wake: make(chan struct{})}
		r.byID[id] = g
		r.newcomers = append(r.newcomers, g)
	}
	return g
}

// event is the event that the parked goroutine goes on.
func (g *Goroutine) event() sim.Event {
	actor := g.actor
	if actor == "" {
		actor = g.Name
	}
	return sim.Event{Actor: actor, Label: g.point, Place: g.thread + 1, Thread: g.thread}
}

// creator is the function that started the calling goroutine: "Broker.Open".
func creator() string {
	buffer := make([]byte, 1<<14)
	trace := string(buffer[:runtime.Stack(buffer, false)])
	_, after, ok := strings.Cut(trace, "\ncreated by ")
	if !ok {
		return "unknown"
	}
	function, _, _ := strings.Cut(after, " in goroutine ")
	return shortName(function)
}

// shortName is a function's name without its package: "Broker.Open.func1".
func shortName(function string) string {
	function = function[strings.LastIndexByte(function, '/')+1:]
	_, function, _ = strings.Cut(function, ".")
	return strings.NewReplacer("(", "", ")", "", "*", "").Replace(function)
}
