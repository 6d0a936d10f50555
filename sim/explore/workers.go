package explore

import (
	"cmp"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"racelab/sim"
)

// Options are what all searches have in common.
type Options struct {
	// Limit bounds the search: states for States, runs for the others.
	Limit int
	// Longest is how many steps a run of a sample, of Bounded or of Exhaustive may have; 0: sim.MaxSteps.
	Longest int
	// First ends the search with the first that breaks a property.
	First bool
	// From is for a part of a sample: how many runs come before it. See Part.
	From int
	// Parts are those of a sample that others have made: no run is made but the first
	// that broke each property.
	Parts []Part
	// Workers is how many systems run at once, if the system is of worlds; 0: as
	// many as there are processors. It makes a search faster and changes nothing
	// that it finds.
	Workers int
	// Memory bounds how many bytes States holds; 0: what GOMEMLIMIT says, if it
	// says anything. At the bound the search ends, unfinished, or goes on with Spill.
	Memory int64
	// Spill is two empty files in which States keeps, at the bound of Memory, the states
	// that it has still to expand, and goes on; none: it ends there. In memory it keeps
	// what it has seen, about 40 bytes a state, and the parts that states share.
	Spill [2]Scratch
	// Symmetry lets States take two states for one if all that tells them apart is
	// which of some tasks that are alike is which: those that run one program, set up
	// in one way. Of k such tasks that is up to k! times fewer states. What goes round
	// for ever is not judged then.
	Symmetry bool
	// Again says that the model stood a whole search with other parameters. A search
	// then checks a tenth of the steps that it would check, and a proof stands against
	// a tenth of the walks. A test that makes many searches of one model sets
	// it in all but one.
	Again bool
	// Stop is asked now and then; true ends the search where it stands.
	Stop func() bool
	// Progress is told now and then how far the search is.
	Progress func(*Result)

	// atEnd is told of each end of a run, by States and Exhaustive. Tests
	// compare with it what is reached, with one worker.
	atEnd func(System)
	// spilling is to be at the bound of Memory from the start, and never beyond it, and
	// how many states are written at once then. Tests have few states.
	spilling int
	// widens is manyStates, but in tests; 0: manyStates.
	widens int
	// trusting leaves out what a search does to check the model: tests of the
	// search itself, on many small models, have no time for it.
	trusting bool
}

// manyStates is for how many states fingerprints of 64 bits are too few: two of so many
// are the same in one search of 4,000.
const manyStates = 100_000_000

// wideFrom is from which limit on states are told apart by 128 bits.
func (o *Options) wideFrom() int { return cmp.Or(o.widens, manyStates) }

func (o *Options) stopped() bool { return o.Stop != nil && o.Stop() }

// fewer is by how much the checks of the model are fewer.
func (o *Options) fewer() int {
	if o.Again {
		return 10
	}
	return 1
}

// checks says whether the n-th is to be checked, after so many steps.
func (o *Options) checks(n, steps int) bool {
	return !o.trusting && (steps < checkFirst/o.fewer() || n%(checkEvery*o.fewer()) == 0)
}

func (o *Options) progress(r *Result) {
	if o.Progress != nil {
		o.Progress(r)
	}
}

// workerPool is the workers of a search, each with a system of its own. Work is cut
// into pieces that do not depend on how many there are, and its results are
// put together in the order of the pieces; so nothing that a search finds
// depends on it either.
type workerPool struct {
	cursors []*cursor // the first is of the system that was given
}

func newWorkerPool(sys System, workers int) *workerPool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	c := &workerPool{cursors: []*cursor{newCursor(sys)}}
	if world := c.cursors[0].world; world != nil {
		for range workers - 1 {
			c.cursors = append(c.cursors, newCursor(world.Fork()))
		}
	}
	return c
}

// alike lets each system know which of its tasks are alike, and lists them by class.
func (c *workerPool) alike() (classes [][]string, err error) {
	for _, at := range c.cursors {
		if at.alike = at.world != nil; !at.alike {
			return nil, errors.New("explore: this system does not know which of its tasks are alike")
		}
		at.Reset()
		classes, at.looked = at.world.Alike()
	}
	if len(classes) == 0 {
		return nil, errors.New("no two tasks are alike: symmetry needs two tasks that run the same program with the same settings, in an untimed world")
	}
	return classes, nil
}

// close ends the systems that the pool made.
func (c *workerPool) close() {
	for _, cursor := range c.cursors[1:] {
		cursor.Close()
	}
}

// each does the work for 0 to n-1, several at once. A ModelError in one of them
// ends all.
func (c *workerPool) each(n int, work func(at *cursor, i int)) {
	guarded := func(at *cursor, i int) (err error) {
		defer sim.RecoverModelError(&err)
		work(at, i)
		return nil
	}
	if len(c.cursors) == 1 || n == 1 {
		for i := range n {
			work(c.cursors[0], i)
		}
		return
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	failed := make([]failure, len(c.cursors))
	for k, cursor := range c.cursors {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := guarded(cursor, i); err != nil {
					failed[k] = failure{i, err}
					return
				}
			}
		})
	}
	wait.Wait()
	// Pieces are handed out in order, so the least that fails is always the same.
	first := failure{at: n}
	for _, f := range failed {
		if f.err != nil && f.at < first.at {
			first = f
		}
	}
	if first.err != nil {
		panic(first.err)
	}
}

// failure is a piece of work that met a ModelError.
type failure struct {
	at  int
	err error
}

// share tells all systems what each has learned, so that any can go to a checkpoint
// that another marked.
func (c *workerPool) share() {
	for _, to := range c.cursors {
		for _, from := range c.cursors {
			if to != from && to.world != nil {
				to.world.Learn(from.world)
			}
		}
	}
}
