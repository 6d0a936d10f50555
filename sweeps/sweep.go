package sweeps

import (
	"fmt"
	"slices"
	"strings"

	"racelab/scenario"
)

// Sweep is one question, asked of many settings.
type Sweep struct {
	Name     string // "commit-cost"
	Title    string
	Question string
	Measured string // what a run is, and where the constants come from

	Model
	Panels     []Panel
	Series     []Series // what is compared, in every panel
	Measures   []string // what a run returns, in its order
	Columns    []Column
	References []Reference
	Figures    []Figure
	Seeds      int // of each point, unless asked otherwise

	part bool // of another sweep of this name
}

// Model is what a sweep runs, and the parameters of that.
type Model struct {
	Parameters []scenario.Parameter

	set func(owner string, settings []string) (Setup, error)
}

// Setup is a choice of the parameters.
type Setup struct {
	Values scenario.Values
	Params any // the same, typed: what the model's flags fill
	// Measure makes one run. Nothing but its arguments and the parameters changes
	// its numbers.
	Measure func(series string, seed uint64) ([]float64, error)
}

// ModelOf is a model with the parameters of P. Other defaults go before those of
// flags, as NAME=VALUE.
//
// measure makes one run. It is a function of its arguments: the same bytes on any
// machine, whatever runs beside it. Its numbers are finite.
func ModelOf[P any](flags func(*P, *scenario.Flags), measure func(series string, p P, seed uint64) ([]float64, error), defaults ...string) Model {
	declare := func(p *P, f *scenario.Flags) {
		flags(p, f)
		f.Default(defaults...)
	}
	return Model{
		Parameters: scenario.Parameters(declare),
		set: func(owner string, settings []string) (Setup, error) {
			p := scenario.Defaults(declare)
			err := scenario.Set(owner, declare, &p, settings)
			return Setup{scenario.ValuesOf(declare, p), p, func(series string, seed uint64) ([]float64, error) { return measure(series, p, seed) }}, err
		},
	}
}

// Series is one of those that are compared, such as a variant of a scenario.
type Series struct {
	Name string // "unfixed"
	What string // "Sarama 1.38.0 to 1.43.2"
}

// Panel is a row of points: one parameter takes one value after the other, all
// others stay as they were set.
type Panel struct {
	Vary   string   // the parameter; empty: nothing varies, the panel is one point a series
	Values []string // that it takes
	Log    bool     // the axis is logarithmic
	With   []string // NAME=VALUE that hold in this panel, whatever was set
}

// Name is what results call the panel.
func (p Panel) Name() string {
	return strings.Join(append(strings.Fields(p.Vary), p.With...), " ")
}

// Column is a number that is made of what the runs of a point measured.
type Column struct {
	Name     string // "total"
	Unit     string // "ms"
	What     string // "from the first mark to the last answer"
	Estimate func(runs Runs) Estimate
}

// Runs is what the runs of a point measured, in the order of the seeds.
type Runs struct {
	measures []string
	samples  [][]float64
}

// Of lists one measure of each run.
func (r Runs) Of(measure string) []float64 {
	for i, name := range r.measures {
		if name == measure {
			column := make([]float64, len(r.samples))
			for k, sample := range r.samples {
				column[k] = sample[i]
			}
			return column
		}
	}
	panic("sweeps: no run measures " + measure)
}

// Median is a Column's estimate: the median over the seeds, and the interval
// that holds 95 % of them.
func Median(measure string) func(Runs) Estimate {
	return func(runs Runs) Estimate { return MedianOf(runs.Of(measure)) }
}

// Ratio is a Column's estimate: the median over the seeds of one measure by
// another, and the interval that holds 95 % of them.
func Ratio(of, by string) func(Runs) Estimate {
	return func(runs Runs) Estimate {
		ratios := runs.Of(of)
		for i, x := range runs.Of(by) {
			ratios[i] /= x
		}
		return MedianOf(ratios)
	}
}

// Odds is a Column's estimate: how many hits there are in a number of trials,
// with the 95 % interval of that share.
func Odds(hits, trials string, per float64) func(Runs) Estimate {
	return func(runs Runs) Estimate { return ShareOf(runs.Of(hits), runs.Of(trials)).Times(per) }
}

// Reference is a number that was measured on the real thing, to hold the
// model's against.
type Reference struct {
	Series string
	At     string // the value of the parameter that varies; empty: none does
	Column string
	Value  float64
	With   []string // NAME=VALUE at which it was measured; a result of others does not show it
}

// Figure is a picture to be made of a result: small multiples, one for each of
// its panels and columns.
type Figure struct {
	Name    string // of its file, behind the sweep's; empty: the sweep's alone
	Kind    Kind
	Panels  []string // by Name; none: all
	Columns []string // by Name
	Log     bool     // the axis of the columns is logarithmic
	Marks   []Mark   // on the axis of what varies, of Lines
	// Headline is the finding in one sentence, made of the numbers.
	Headline func(r *Result) string
}

// Mark is a place on the axis that has a name.
type Mark struct {
	At   float64
	Text string
}

// Kind is how a figure shows its numbers.
type Kind uint8

const (
	Lines Kind = iota // a line a series, with its interval as a band
	Bars              // a bar a series, with its interval as a whisker
)

// Result is what a sweep found.
type Result struct {
	Sweep *Sweep
	Setup
	Seeds int
	Rows  []Row // panel by panel, value by value, series by series
}

// Row is one point: a series under one setting.
type Row struct {
	Panel  Panel
	Series Series
	Text   string  // the value of the parameter that varies; empty: none does
	At     float64 // where that lies on the axis
	Cells  []Estimate
}

// Row returns a point by its panel, its value and its series.
func (r *Result) Row(panel, text, series string) Row {
	for _, row := range r.Rows {
		if row.Panel.Name() == panel && row.Text == text && row.Series.Name == series {
			return row
		}
	}
	panic(fmt.Sprintf("sweeps: %s has no point %q %q %q", r.Sweep.Name, panel, text, series))
}

// Cell returns a number of a point by its column.
func (r *Result) Cell(row Row, column string) Estimate { return row.Cells[r.Sweep.Index(column)] }

// Index is the place of a column.
func (s *Sweep) Index(name string) int {
	for i, c := range s.Columns {
		if c.Name == name {
			return i
		}
	}
	panic("sweeps: " + s.Name + " has no column " + name)
}

// Column returns a column by its name.
func (s *Sweep) Column(name string) Column { return s.Columns[s.Index(name)] }

// PanelsOf lists the panels that a figure shows.
func (s *Sweep) PanelsOf(f Figure) []Panel {
	var panels []Panel
	for _, panel := range s.Panels {
		if f.Panels == nil || slices.Contains(f.Panels, panel.Name()) {
			panels = append(panels, panel)
		}
	}
	return panels
}

// Reference is the number that was measured for a point, if there is one that
// was measured at its settings.
func (r *Result) Reference(row Row, column string) (value float64, ok bool) {
	for _, ref := range r.Sweep.References {
		if ref.Series == row.Series.Name && ref.At == row.Text && ref.Column == column && !slices.ContainsFunc(ref.With, func(setting string) bool {
			return !slices.Contains(row.Panel.With, setting) && !slices.Contains(strings.Fields(r.Values.String()), setting)
		}) {
			return ref.Value, true
		}
	}
	return 0, false
}

// All lists the sweeps.
func All() []*Sweep {
	return []*Sweep{&commitCost, &rewindOdds, &stallOdds, &throttle, &reorderOdds, &orderingCost, &backoff, &backoffRetries, &backoffWindows, &backoffProducers, &transactionPause, &transactionSize, &backoffMeasured, &commitBatch}
}

// Find returns the sweep of that name. The error lists what there is.
func Find(name string) (*Sweep, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, &scenario.UnknownName{Kind: "sweep", Name: name, Possible: names}
}

// Part is one panel of the sweep, with some of its values and some of the series;
// empty: all. What is left has the same numbers. The headline of a figure panics
// without the points that it tells of.
func (s *Sweep) Part(panel, values, series string) (*Sweep, error) {
	at := slices.IndexFunc(s.Panels, func(p Panel) bool { return p.Name() == panel })
	if at < 0 {
		return nil, fmt.Errorf("%s has no panel %.60q", s.Name, panel)
	}
	part, only := *s, s.Panels[at]
	part.part = true
	if values != "" {
		only.Values = strings.Fields(values)
	}
	for _, text := range only.Values {
		if !slices.Contains(s.Panels[at].Values, text) {
			return nil, fmt.Errorf("%s has no %.60q in its panel %s", s.Name, text, panel)
		}
	}
	part.Panels = []Panel{only}
	if series == "" {
		return &part, nil
	}
	part.Series = nil
	for _, name := range strings.Fields(series) {
		i := slices.IndexFunc(s.Series, func(x Series) bool { return x.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s has no series %.60q", s.Name, name)
		}
		part.Series = append(part.Series, s.Series[i])
	}
	return &part, nil
}

// point is one setting of one series: what is run for every seed.
type point struct {
	panel  Panel
	series Series
	text   string
	at     float64
	Setup
}

// Set returns the defaults with some set by NAME=VALUE. The error says which is
// wrong, and what is possible.
func (s *Sweep) Set(settings []string) (Setup, error) { return s.set(s.Name, settings) }

// points lists what is to be run, in the order of a result's rows.
func (s *Sweep) points(setup Setup) []point {
	var points []point
	set := func(panel Panel, settings ...string) Setup {
		here, err := s.Set(slices.Concat(setup.Values.Settings(), panel.With, settings))
		if err != nil {
			panic("sweeps: " + err.Error())
		}
		return here
	}
	for _, panel := range s.Panels {
		if panel.Vary == "" {
			for _, series := range s.Series {
				points = append(points, point{panel: panel, series: series, Setup: set(panel)})
			}
		}
		for _, text := range panel.Values {
			at, here := place(s.parameter(panel.Vary), text), set(panel, panel.Vary+"="+text)
			for _, series := range s.Series {
				points = append(points, point{panel, series, text, at, here})
			}
		}
	}
	return points
}

func (p *point) String() string {
	return fmt.Sprintf("%s with %v", p.series.Name, p.Values)
}
