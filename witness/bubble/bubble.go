package bubble

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"racelab/sim"
)

// Program builds what is to be run, inside the bubble: it starts clients, hands
// the goroutines of the experiment to Go and its properties to Watch, and
// returns what closes the clients when the run is over. While it runs, and
// while it closes, nothing is open: of the goroutines that may go on the first
// does.
type Program func(r *Run) (end func())

// stuckAfter is how much virtual time may pass with nobody parked before a run
// counts as stuck. It is longer than any time-out of the clients.
//
// Unit: virtual time.
const stuckAfter = time.Hour

// Run is one bubble from its start to its end. All but one of its goroutines
// are blocked for good, parked before a step, or ended whenever something is
// chosen.
type Run struct {
	mu         sync.Mutex // guards byID, newcomers and where goroutines park: what a step wakes may run side by side
	byID       map[int64]*Goroutine
	newcomers  []*Goroutine
	goroutines []*Goroutine // by thread number
	spawned    map[string]int
	actors     []*Goroutine // that the experiment is about
	watchers   []*watcher
	arrived    chan struct{} // somebody has parked
	lockNames  map[string]int

	enabled    []sim.Event
	choices    []*Goroutine // by enabled
	violations []sim.Violation
	notes      []string
	history    uint64 // a hash of the choices
	contended  bool
	deadlocked bool
	stuck      bool // actors are left, and wait for what never comes
	ending     bool // acts and panics are no longer recorded
}

// watcher is a property of the run.
type watcher struct {
	*sim.Property
	tested bool // by the last step
}

// current is the run of this process. The API of package sync has no room for
// it, which is why a process has one at a time.
var current atomic.Pointer[Run]

// Current returns the run that the calling goroutine belongs to.
func Current() *Run {
	r := current.Load()
	if r == nil {
		panic("bubble: a lock, or the network, is used outside a run: let a Program do it")
	}
	return r
}

// Go adds a goroutine of the experiment. It starts when the Program has
// returned, in the order of adding.
func (r *Run) Go(name string, f func()) {
	r.actors = append(r.actors, spawn(name, f))
}

// Watch adds a property that is judged at each step.
func (r *Run) Watch(p *sim.Property) { r.watchers = append(r.watchers, &watcher{Property: p}) }

// Observe tells the properties of an act.
func (r *Run) Observe(o sim.Act) {
	if r.ending {
		return
	}
	r.notes = append(r.notes, note(o))
	for _, w := range r.watchers {
		_, tested, err := w.Judge(o)
		w.tested = w.tested || tested
		if err != nil {
			r.violations = append(r.violations, sim.Violation{Property: w.Name(), Err: err})
		}
	}
}

// note is an act in words: "G0 sent OffsetCommit {P0: 11}".
func note(o sim.Act) string {
	return fmt.Sprintf("%s %v %s %v", o.Actor, o.Action, sim.NameOf(o.Message), o.Message)
}

// Panicked tells the run of a panic in a goroutine.
func (r *Run) Panicked(reason any) {
	if !r.ending {
		r.violations = append(r.violations, sim.Violation{Property: sim.NoPanic, Err: &sim.PanicError{Actor: r.self().Name, Reason: reason}})
	}
}

// runBubble is the whole life of a bubble. It tells idle whenever something is to be
// chosen, and takes what is chosen from choices; closed choices end it.
//
// A run that is stuck leaves its goroutines behind, which is what a deadlock
// does. Nobody can end them: Go has no such thing.
func runBubble(t *testing.T, program Program, idle chan<- *Run, choices <-chan int) {
	r := &Run{byID: map[int64]*Goroutine{}, spawned: map[string]int{}, lockNames: map[string]int{}, history: 1}
	defer func() {
		current.Store(nil)
		reason := recover()
		if leaves := strings.Contains(fmt.Sprint(reason), "blocked goroutines remain"); reason != nil && !(leaves && r.stuck) {
			panic(reason)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		r.arrived = make(chan struct{}, 1)
		current.Store(r)
		end := r.build(program)
		idle <- r
		for choice := range choices {
			r.take(choice)
			idle <- r
		}
		r.end(end)
	})
}

// build runs the program, and starts the actors.
func (r *Run) build(program Program) (end func()) {
	setup := spawn("setup", func() { end = program(r) })
	r.start(setup)
	for r.settle(); !setup.done; r.settle() {
		if len(r.choices) == 0 {
			panic("bubble: the program waits for something that never comes: " + r.whoWaits(setup).Error())
		}
		r.resume(r.choices[0])
	}
	for _, g := range r.actors {
		r.start(g)
		synctest.Wait()
	}
	r.violations, r.notes = nil, nil
	r.findEnabled()
	return end
}

// start begins a goroutine of ours.
func (r *Run) start(g *Goroutine) {
	r.number(g)
	go func() {
		r.enter(g)
		defer func() {
			g.done = true
			r.arrive()
			if reason := recover(); reason != nil {
				r.Panicked(reason)
			}
		}()
		g.program()
	}()
}

// take lets the chosen goroutine go on, up to where all are idle again.
func (r *Run) take(choice int) {
	r.violations, r.notes, r.contended = r.violations[:0], r.notes[:0], false
	for _, w := range r.watchers {
		w.tested = false
	}
	r.history = r.history*0x9e3779b97f4a7c15 + uint64(choice) + 1
	r.resume(r.choices[choice])
	r.findEnabled()
	r.checkDeadlock()
}

// findEnabled waits until something can be chosen, and lists it. Nothing can
// once the actors have ended, or wait for what never comes.
func (r *Run) findEnabled() {
	r.settle()
	if !r.unfinished() {
		r.enabled, r.choices = r.enabled[:0], r.choices[:0]
		return
	}
	if len(r.choices) == 0 && !r.stuck {
		r.stuck = true
		if r.circle() == nil {
			r.violations = append(r.violations, sim.Violation{Property: sim.NoProgress, Err: r.whoWaits(r.actors...)})
		}
	}
}

func (r *Run) unfinished() bool {
	return slices.ContainsFunc(r.actors, func(g *Goroutine) bool { return !g.done })
}

// settle waits until all goroutines are idle and lists those that can go on. If
// there are none, it lets virtual time pass until there are, or stuckAfter has passed.
func (r *Run) settle() {
	for deadline := time.Now().Add(stuckAfter); ; {
		synctest.Wait()
		r.nameNewcomers()
		r.list()
		if len(r.choices) > 0 || !time.Now().Before(deadline) || r.allEnded() {
			return
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-r.arrived:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// allEnded says whether the goroutines of ours have come to their end.
func (r *Run) allEnded() bool {
	return !slices.ContainsFunc(r.goroutines, func(g *Goroutine) bool { return g.program != nil && !g.done })
}

// list finds the parked goroutines that can go on.
func (r *Run) list() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enabled, r.choices = r.enabled[:0], r.choices[:0]
	for _, g := range r.goroutines {
		switch {
		case g.parked && !g.waits():
			r.choices = append(r.choices, g)
			r.enabled = append(r.enabled, g.event())
		case g.parked:
			r.contended = true
		}
	}
}

// resume wakes a parked goroutine; settle waits until it is idle again.
func (r *Run) resume(g *Goroutine) {
	r.mu.Lock()
	g.parked = false
	r.mu.Unlock()
	g.wake <- struct{}{}
}

// end brings every goroutine to its end: the actors, then what the program
// closes.
func (r *Run) end(end func()) {
	r.ending = true
	if r.runOn(); !r.stuck {
		r.start(spawn("end", end))
		r.runOn()
	}
}

// runOn runs until all goroutines of ours have ended, or wait for what never
// comes.
func (r *Run) runOn() {
	for r.settle(); len(r.choices) > 0; r.settle() {
		r.resume(r.choices[0])
	}
	r.stuck = !r.allEnded()
}

// whoWaits says what the goroutines that have not ended wait for.
func (r *Run) whoWaits(of ...*Goroutine) error {
	var waits []string
	for _, g := range of {
		switch {
		case g.done:
		case g.parked:
			waits = append(waits, fmt.Sprintf("%s, before %q, waits for %s", g.Name, g.point, g.awaits.Wanted(g)))
		default:
			waits = append(waits, g.Name+" waits for something that is no lock")
		}
	}
	return errors.New(strings.Join(waits, "; "))
}

// nameNewcomers names the goroutines that have parked for the first time, after
// what started them. Of those that one step brings, the older comes first.
func (r *Run) nameNewcomers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.newcomers, func(a, b *Goroutine) int {
		return cmp.Or(cmp.Compare(a.creator, b.creator), cmp.Compare(a.id, b.id))
	})
	for _, g := range r.newcomers {
		r.spawned[g.creator]++
		g.Name = fmt.Sprintf("%s(%d)", g.creator, r.spawned[g.creator])
		r.number(g)
	}
	r.newcomers = r.newcomers[:0]
}

// number gives a goroutine its thread number.
func (r *Run) number(g *Goroutine) {
	g.thread = len(r.goroutines)
	r.goroutines = append(r.goroutines, g)
}
