package figures

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"racelab/sweeps"
)

// lines draws a line for each series over the values of the panel, with its
// interval as a band under all lines.
func (d *drawing) lines(c draw.Canvas, at int) {
	part := &d.plots[at]
	s := d.result.Sweep
	p := newPlot()
	p.Y.Min, p.Y.Max = 0, d.most(part.column.Name)
	p.Y.Tick.Marker = linear(4)
	if d.figure.Log {
		p.Y.Min, p.Y.Scale = d.least(part.column.Name), plot.LogScale{}
		p.Y.Tick.Marker = logarithmic{room: float64(c.Max.Y-c.Min.Y) / 18}
	}
	axis := s.Axis(part.panel)
	p.X.Min, p.X.Max = axis.Least, axis.Most
	switch {
	case axis.Words != nil:
		p.X.Min, p.X.Max = axis.Least-0.3, axis.Most+0.3
		p.X.Tick.Marker = words(axis.Words)
	case part.panel.Log:
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = logarithmic{room: float64(c.Max.X-c.Min.X) / 22}
	default:
		p.X.Tick.Marker = linear(5)
	}
	p.Add(horizontalGrid())
	for i, series := range s.Series {
		p.Add(&plotter.Polygon{XYs: []plotter.XYs{part.band(series, s)}, Color: bandOf(i)})
	}
	for i, series := range slices.Backward(s.Series) { // The first lies on top.
		points := part.line(series, s)
		p.Add(&plotter.Line{XYs: points, LineStyle: lineOf(i)}, &plotter.Scatter{XYs: points, GlyphStyle: glyphOf(i)})
	}
	for i, m := range d.figure.Marks {
		p.Add(&mark{m, i})
	}
	p.Add(&measured{d, part})
	above := part.column.Name + ", " + part.column.Unit
	if left := at - 1; at%d.columns() > 0 && d.plots[left].column.Name == part.column.Name {
		above = "" // It stands over the plot to the left.
	}
	d.frame(c, p, above, axis.Label, axis.With)
}

// measured marks what was measured, over the lines.
type measured struct {
	*drawing
	part *part
}

func (m *measured) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, row := range m.part.rows {
		if value, ok := m.result.Sweep.Reference(row, m.part.column.Name); ok {
			diamond(c, vg.Point{X: x(row.At), Y: y(value)})
		}
	}
}

// most is the top of the axis of a column, the same in all panels.
func (d *drawing) most(column string) float64 {
	most := 0.0
	for _, part := range d.plots {
		for _, row := range part.rows {
			e := d.result.Cell(row, column)
			most = max(most, e.High, e.Value)
		}
	}
	if most == 0 {
		return 1
	}
	return most * 1.04
}

// least is the foot of a logarithmic axis.
func (d *drawing) least(column string) float64 {
	least := math.Inf(1)
	for _, part := range d.plots {
		for _, row := range part.rows {
			for _, x := range []float64{d.result.Cell(row, column).Low, d.result.Cell(row, column).Value} {
				if x > 0 {
					least = min(least, x)
				}
			}
		}
	}
	return min(least, d.most(column)/10) / 1.04
}

// line is the values of a series.
func (p *part) line(series sweeps.Series, s *sweeps.Sweep) plotter.XYs {
	var points plotter.XYs
	for _, row := range p.rows {
		if row.Series == series {
			points = append(points, plotter.XY{X: row.At, Y: row.Cells[s.Index(p.column.Name)].Value})
		}
	}
	return points
}

// band goes along the upper ends of the intervals and back along the lower.
func (p *part) band(series sweeps.Series, s *sweeps.Sweep) plotter.XYs {
	var up, down plotter.XYs
	for _, row := range p.rows {
		if row.Series == series {
			e := row.Cells[s.Index(p.column.Name)]
			up = append(up, plotter.XY{X: row.At, Y: e.High})
			down = append(plotter.XYs{{X: row.At, Y: e.Low}}, down...)
		}
	}
	return append(up, down...)
}

// mark draws a named place as a line across the plot. Names stand one below the
// other from the middle of its height down, where lines that fall leave room, on the
// side that has more of it.
type mark struct {
	sweeps.Mark
	row int
}

func (m *mark) Plot(c draw.Canvas, p *plot.Plot) {
	toX, _ := p.Transforms(&c)
	x := toX(m.At)
	c.StrokeLine2(draw.LineStyle{Color: grey, Width: 0.7, Dashes: []vg.Length{2, 2}}, x, c.Min.Y, x, c.Max.Y)
	beside, side := vg.Length(3), draw.XLeft
	if x > (c.Min.X+c.Max.X)/2 {
		beside, side = -beside, draw.XRight
	}
	c.FillText(aligned(label, side, draw.YBottom), vg.Point{X: x + beside, Y: c.Min.Y + (c.Max.Y-c.Min.Y)*0.45 - vg.Length(m.row)*label.Font.Size*1.2}, m.Text)
}

// newPlot is a plot with no more on it than is read.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Label.Font, axis.Tick.Label.Color = tick.Font, tick.Color
		axis.Tick.Label.Handler = tick.Handler
		axis.Tick.LineStyle = draw.LineStyle{Color: grey, Width: 0.5}
		axis.Padding = 0
	}
	p.X.LineStyle = draw.LineStyle{Color: grey, Width: 0.7}
	p.X.Tick.Length = 3
	p.Y.LineStyle.Width = 0
	p.Y.Tick.Length = 0
	p.Y.Padding = 2
	return p
}

func horizontalGrid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color = nil
	g.Horizontal = draw.LineStyle{Color: grid, Width: 0.6}
	return g
}

// frame draws the plot with a label over its top left corner, and lines under the
// middle of its x axis. gonum/plot would reserve room for its own x label at
// the arithmetic middle, which on a log axis is far to the right.
func (d *drawing) frame(c draw.Canvas, p *plot.Plot, above string, below ...string) {
	const line = 11
	below = slices.DeleteFunc(below, func(text string) bool { return text == "" })
	c.FillText(label, vg.Point{X: c.Min.X, Y: c.Max.Y}, above)
	inner := draw.Crop(c, 0, 0, line*vg.Length(len(below))+1, -14)
	p.Draw(inner)
	data := p.DataCanvas(inner)
	at := vg.Point{X: (data.Min.X + data.Max.X) / 2, Y: c.Min.Y}
	for _, text := range slices.Backward(below) {
		c.FillText(aligned(label, draw.XCenter, draw.YBottom), at, text)
		at.Y += line
	}
}

// A key is a sample of its line, and a text; between two of them is a gap.
const sample, gap = 22, 14

// key is the text of a series' key: what it is, if there is room to say so of all.
func (d *drawing) key(of sweeps.Series) string {
	long := vg.Length(0)
	for _, s := range d.result.Sweep.Series {
		long += sample + 4 + key.Width(s.Name+": "+s.What) + gap
	}
	if of.What == "" || long > 2.5*width {
		return of.Name
	}
	return of.Name + ": " + of.What
}

// keys draws the row that says which line is whose, and returns what is left.
func (d *drawing) keys(c draw.Canvas) draw.Canvas {
	line := key.Font.Size * 1.5
	x, y := c.Min.X, c.Max.Y-line/2
	put := func(text string, draws func(from, to vg.Length)) {
		if x > c.Min.X && x+sample+4+key.Width(text) > c.Max.X {
			x, y = c.Min.X, y-line
		}
		draws(x, x+sample)
		c.FillText(aligned(key, draw.XLeft, draw.YCenter), vg.Point{X: x + sample + 4, Y: y}, text)
		x += sample + 4 + key.Width(text) + gap
	}
	if d.figure.Kind == sweeps.Bars {
		put("model, median", func(from, to vg.Length) { bar(c, grey, from, to, y-3, y+3) })
		if d.measured() {
			put("(measured)", func(from, to vg.Length) { diamond(c, vg.Point{X: (from + to) / 2, Y: y}) })
		}
	} else {
		for i, series := range d.result.Sweep.Series {
			put(d.key(series), func(from, to vg.Length) {
				c.FillPolygon(bandOf(i), []vg.Point{{X: from, Y: y - 3.5}, {X: to, Y: y - 3.5}, {X: to, Y: y + 3.5}, {X: from, Y: y + 3.5}})
				c.StrokeLine2(lineOf(i), from, y, to, y)
				c.DrawGlyph(glyphOf(i), vg.Point{X: (from + to) / 2, Y: y})
			})
		}
		if d.measured() {
			put("measured", func(from, to vg.Length) { diamond(c, vg.Point{X: (from + to) / 2, Y: y}) })
		}
	}
	c.Max.Y = y - line/2
	return c
}
