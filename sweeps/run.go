package sweeps

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"racelab/sim"
)

// Options say how a sweep is run. No result depends on any but Seeds.
type Options struct {
	Seeds    int    // of each point
	Workers  int    // how many points are run at once
	Journal  string // the file in which finished points are kept; empty: none
	Build    string // of the program: a journal of another is refused
	Parts    []Part // points that other programs have run
	Stop     func() bool
	Progress func(done, points int)
}

// Stopped is the error of a sweep that was asked to stop.
type Stopped struct{ Done, Points int }

func (e *Stopped) Error() string {
	return fmt.Sprintf("stopped after %d of %d points", e.Done, e.Points)
}

// Run runs the sweep. A point is the unit of work: it is run whole, with the
// seeds 1 to Seeds, or not at all. Every series has the same seeds, so that
// two of them meet the same delays.
func (s *Sweep) Run(setup Setup, o Options) (*Result, error) {
	points := s.points(setup)
	samples, err := s.run(points, setup, o, func(int) bool { return true })
	if err != nil {
		return nil, err
	}
	return s.sum(setup, o.Seeds, points, samples), nil
}

// Part is some points of a sweep, and what their runs measured. A program on another
// machine can run it; whoever has all parts has the sweep, with Options.Parts.
type Part []entry

// RunPart runs the points that are mine.
func (s *Sweep) RunPart(setup Setup, o Options, mine func(point int) bool) (Part, error) {
	samples, err := s.run(s.points(setup), setup, o, mine)
	if err != nil {
		return nil, err
	}
	var part Part
	for point, of := range samples {
		if mine(point) {
			part = append(part, entry{point, of})
		}
	}
	return part, nil
}

// run runs the points that are mine, and returns what they measured, by point and by
// seed.
func (s *Sweep) run(points []point, setup Setup, o Options, mine func(point int) bool) ([][][]float64, error) {
	samples := make([][][]float64, len(points))
	done := make([]bool, len(points))
	for point := range done {
		done[point] = !mine(point)
	}
	finish := func(int) error { return nil }
	restore := func(point int, of [][]float64) bool {
		if point < 0 || point >= len(points) || len(of) != o.Seeds ||
			slices.ContainsFunc(of, func(sample []float64) bool { return len(sample) != len(s.Measures) }) {
			return false
		}
		samples[point], done[point] = of, true
		return true
	}
	for _, part := range o.Parts {
		for _, e := range part {
			if !restore(e.Point, e.Samples) {
				return nil, fmt.Errorf("a part of the sweep %s has a point %d that does not fit", s.Name, e.Point)
			}
		}
	}
	if o.Journal != "" {
		journal, err := openJournal(o.Journal, s.inputs(setup.Values, points, o), restore)
		if err != nil {
			return nil, err
		}
		defer journal.close()
		finish = func(point int) error { return journal.add(point, samples[point]) }
	}
	err := each(done, o, func(point int, seed uint64) error {
		sample, err := s.measure(&points[point], seed)
		samples[point] = append(samples[point], sample)
		return err
	}, finish)
	return samples, err
}

// measure makes one run of a point.
func (s *Sweep) measure(p *point, seed uint64) ([]float64, error) {
	sample, err := p.sample(seed)
	if refused := (*sim.ModelError)(nil); errors.As(err, &refused) {
		return nil, fmt.Errorf("%s, %s: %w", s.Name, p.series.Name, err) // Its client refuses what is set.
	}
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d of %v: %w", s.Name, seed, p, err)
	}
	if len(sample) != len(s.Measures) {
		panic(fmt.Sprintf("sweeps: %s measures %v, and a run gave %d numbers", s.Name, s.Measures, len(sample)))
	}
	for i, x := range sample {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("%s, seed %d of %v: %s is %v; with these settings there is nothing to measure", s.Name, seed, p, s.Measures[i], x)
		}
	}
	return sample, nil
}

// sample makes the run. A setting that the client refuses is an error.
func (p *point) sample(seed uint64) (sample []float64, err error) {
	defer sim.RecoverModelError(&err)
	return p.Measure(p.series.Name, seed)
}

// sum makes the columns.
func (s *Sweep) sum(setup Setup, seeds int, points []point, samples [][][]float64) *Result {
	result := &Result{Sweep: s, Setup: setup, Seeds: seeds}
	for i, p := range points {
		row := Row{Panel: p.panel, Series: p.series, Text: p.text, At: p.at}
		for _, c := range s.Columns {
			row.Cells = append(row.Cells, c.Estimate(Runs{s.Measures, samples[i]}))
		}
		result.Rows = append(result.Rows, row)
	}
	return result
}

// Each runs the points 0 to n-1, each with the seeds 1 to Seeds in their order,
// Workers points at once. No two calls of run are of one point at a time.
//
// Errors: that of the least point that failed, whoever is first; *Stopped.
func Each(n int, o Options, run func(point int, seed uint64) error) error {
	return each(make([]bool, n), o, run, func(int) error { return nil })
}

// each is Each but for the points that are done, and calls finish after each
// point, one call at a time.
func each(done []bool, o Options, run func(point int, seed uint64) error, finish func(point int) error) error {
	r := &runner{options: o, done: done, run: run, finish: finish}
	for _, d := range done {
		if d {
			r.count++
		}
	}
	r.report()
	var workers sync.WaitGroup
	for range o.Workers {
		workers.Go(r.work)
	}
	workers.Wait()
	if r.err == nil && r.count < len(done) {
		return &Stopped{r.count, len(done)}
	}
	return r.err
}

// runner is points that are being run.
type runner struct {
	options Options
	run     func(point int, seed uint64) error
	finish  func(point int) error

	mu     sync.Mutex
	next   int    // the point to be run next
	done   []bool // by point
	count  int    // of those that are done
	failed int    // the least point that failed, behind err
	err    error
}

func (r *runner) report() {
	if r.options.Progress != nil {
		r.options.Progress(r.count, len(r.done))
	}
}

func (r *runner) stopped() bool { return r.options.Stop != nil && r.options.Stop() }

// work runs one point after the other.
func (r *runner) work() {
	for {
		point := r.take()
		if point < 0 {
			return
		}
		var err error
		for seed := uint64(1); seed <= uint64(r.options.Seeds) && err == nil; seed++ {
			if r.stopped() {
				return
			}
			err = r.run(point, seed)
		}
		r.keep(point, err)
	}
}

// take returns the next point that is to be run; -1: none. After an error
// those before it are still run, so that the least is reported whoever is first.
func (r *runner) take() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.next < len(r.done) && r.done[r.next] {
		r.next++
	}
	if r.next == len(r.done) || r.err != nil || r.stopped() {
		return -1
	}
	r.next++
	return r.next - 1
}

func (r *runner) keep(point int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = r.finish(point)
	}
	if err != nil {
		if r.err == nil || point < r.failed {
			r.err, r.failed = err, point
		}
		return
	}
	r.done[point] = true
	r.count++
	r.report()
}
