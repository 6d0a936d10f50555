package sweeps

import (
	"fmt"
	"math"
	"sync"

	"racelab/scenarios"
)

// Options say how a sweep is run. No result depends on any but Seeds.
type Options struct {
	Seeds    int    // of each point
	Workers  int    // how many points are run at once
	Journal  string // the file in which finished points are kept; empty: none
	Build    string // of the program: a journal of another is refused
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
func (s *Sweep) Run(values scenarios.Values, o Options) (*Result, error) {
	points := s.points(values)
	r := &runner{sweep: s, options: o, points: points, samples: make([][][]float64, len(points))}
	if o.Journal != "" {
		var err error
		r.journal, err = openJournal(o.Journal, s.inputs(values, points, o), r.restore)
		if err != nil {
			return nil, err
		}
		defer r.journal.close()
	}
	r.report()
	var crew sync.WaitGroup
	for range o.Workers {
		crew.Go(r.work)
	}
	crew.Wait()
	switch {
	case r.err != nil:
		return nil, r.err
	case r.done < len(points):
		return nil, &Stopped{r.done, len(points)}
	}
	return s.sum(values, o.Seeds, points, r.samples), nil
}

// sum makes the columns.
func (s *Sweep) sum(values scenarios.Values, seeds int, points []point, samples [][][]float64) *Result {
	result := &Result{Sweep: s, Values: values, Seeds: seeds}
	for i, p := range points {
		row := Row{Panel: p.panel, Series: p.series, Text: p.text, At: p.at}
		for _, c := range s.Columns {
			row.Cells = append(row.Cells, c.Estimate(Runs{s.Measures, samples[i]}))
		}
		result.Rows = append(result.Rows, row)
	}
	return result
}

// runner is a sweep that is being run.
type runner struct {
	sweep   *Sweep
	options Options
	points  []point

	mu      sync.Mutex
	next    int           // the point to be run next
	done    int           // points
	samples [][][]float64 // by point, by seed; nil: not run yet
	failed  int           // the least point that failed, behind err
	err     error
	journal *journal // nil: none
}

// restore takes a point from the journal, if it fits.
func (r *runner) restore(point int, samples [][]float64) bool {
	if point < 0 || point >= len(r.points) || len(samples) != r.options.Seeds {
		return false
	}
	for _, sample := range samples {
		if len(sample) != len(r.sweep.Measures) {
			return false
		}
	}
	if r.samples[point] == nil {
		r.done++
	}
	r.samples[point] = samples
	return true
}

func (r *runner) report() {
	if r.options.Progress != nil {
		r.options.Progress(r.done, len(r.points))
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
		samples, err := r.measure(&r.points[point])
		if samples == nil && err == nil {
			return // Stopped in the middle.
		}
		r.keep(point, samples, err)
	}
}

// take returns the next point that is to be run; -1: none. After an error
// those before it are still run, so that the least is reported whoever is first.
func (r *runner) take() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.next < len(r.points) && r.samples[r.next] != nil {
		r.next++
	}
	if r.next == len(r.points) || r.err != nil || r.stopped() {
		return -1
	}
	r.next++
	return r.next - 1
}

func (r *runner) keep(point int, samples [][]float64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.journal != nil {
		err = r.journal.add(point, samples)
	}
	if err != nil {
		if r.err == nil || point < r.failed {
			r.err, r.failed = err, point
		}
		return
	}
	r.samples[point] = samples
	r.done++
	r.report()
}

// measure makes the runs of a point; nil if it is to stop.
func (r *runner) measure(p *point) ([][]float64, error) {
	var samples [][]float64
	for seed := uint64(1); seed <= uint64(r.options.Seeds); seed++ {
		if r.stopped() {
			return nil, nil
		}
		sample, err := r.sweep.Measure(p.series.Name, p.values, seed)
		if err != nil {
			return nil, fmt.Errorf("%s, seed %d of %v: %w", r.sweep.Name, seed, p, err)
		}
		if len(sample) != len(r.sweep.Measures) {
			panic(fmt.Sprintf("sweeps: %s measures %v, and a run gave %d numbers", r.sweep.Name, r.sweep.Measures, len(sample)))
		}
		for i, x := range sample {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				panic(fmt.Sprintf("sweeps: %s, seed %d of %v: %s is %v", r.sweep.Name, seed, p, r.sweep.Measures[i], x))
			}
		}
		samples = append(samples, sample)
	}
	return samples, nil
}
