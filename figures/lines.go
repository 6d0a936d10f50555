package figures

import (
	"cmp"
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
		least, zero := d.least(part.column.Name)
		p.Y.Min, p.Y.Scale = least, plot.LogScale{}
		p.Y.Tick.Marker = logarithmic{length: plotRow * 2 / 3, size: func(string) vg.Length { return lineHeight(tick) }, zero: zero}
	}
	axis := s.Axis(part.panel)
	p.X.Min, p.X.Max = axis.Least, axis.Most
	switch {
	case axis.Words != nil:
		p.X.Min, p.X.Max = axis.Least-0.3, axis.Most+0.3
		p.X.Tick.Marker = words(axis.Words)
	case part.panel.Log:
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = logarithmic{length: c.Max.X - c.Min.X - d.labelWidth() - indent, size: func(label string) vg.Length { return tick.Width(label) + 4 }}
	default:
		p.X.Tick.Marker = linear(5)
	}
	p.Add(horizontalGrid())
	p.Add(&curves{d, part})
	for i, m := range d.figure.Marks {
		p.Add(&mark{m, i})
	}
	p.Add(&measured{d, part})
	d.frame(c, p, at, d.labelWidth())
}

// curves is the lines of a part, each with its interval as a band under all
// lines, and its name at its right end.
type curves struct {
	*drawing
	part *part
}

// curve is a line as it is drawn.
type curve struct {
	series int
	points []vg.Point
	names  []string  // of its series, and of those that would hide it or be hidden
	label  vg.Length // the top of its names
}

func (v *curves) Plot(c draw.Canvas, p *plot.Plot) {
	s := v.result.Sweep
	x, y := p.Transforms(&c)
	onCanvas := func(line plotter.XYs) (points []vg.Point) {
		for _, xy := range line {
			at := vg.Point{X: x(xy.X), Y: c.Min.Y}
			if !v.figure.Log || xy.Y > 0 {
				at.Y = y(xy.Y)
			}
			points = append(points, at)
		}
		return points
	}
	var drawn []*curve
	for i, series := range s.Series {
		points := onCanvas(v.part.line(series, s))
		if at := slices.IndexFunc(drawn, func(other *curve) bool { return coincide(other.points, points) }); at >= 0 {
			drawn[at].names = append(drawn[at].names, "≈ "+series.Name)
			continue
		}
		drawn = append(drawn, &curve{series: i, points: points, names: []string{series.Name}})
		c.FillPolygon(bandOf(i), c.ClipPolygonXY(onCanvas(v.part.band(series, s))))
	}
	for _, curve := range slices.Backward(drawn) { // The first lies on top.
		c.StrokeLines(lineOf(curve.series), c.ClipLinesXY(curve.points)...)
		for _, at := range curve.points {
			c.DrawGlyph(glyphOf(curve.series), at)
		}
	}
	v.names(c, drawn)
}

// coincide says whether of two lines one hides the other: but for a quarter of
// their points they are not further apart than a glyph, and those not by much.
func coincide(a, b []vg.Point) bool {
	apart, most := 0, vg.Length(0)
	for i := range a {
		d := max(a[i].Y-b[i].Y, b[i].Y-a[i].Y)
		if most = max(most, d); d > 2.2 {
			apart++
		}
	}
	return apart <= len(a)/4 && most < 8
}

// A label is a glyph and a name, at labelGap from the end of its line.
const labelGap, labelGlyph = 16, 6

// labelWidth is the room that names need at the right of a plot.
func (d *drawing) labelWidth() vg.Length {
	widest := vg.Length(0)
	for _, s := range d.result.Sweep.Series {
		widest = max(widest, key.Width("≈ "+s.Name))
	}
	return labelGap + labelGlyph + widest
}

// names writes the names beside the ends of the lines, moved as far as they need
// in order not to meet.
func (v *curves) names(c draw.Canvas, drawn []*curve) {
	line := key.Font.Size * 1.1
	end := func(v *curve) vg.Length { return v.points[len(v.points)-1].Y }
	middle := func(v *curve) (sum vg.Length) {
		for _, at := range v.points {
			sum += at.Y
		}
		return sum
	}
	slices.SortStableFunc(drawn, func(a, b *curve) int { return cmp.Or(cmp.Compare(end(b), end(a)), cmp.Compare(middle(b), middle(a))) })
	floor := c.Max.Y + line
	for _, curve := range drawn { // Down, as far as the one above asks for.
		curve.label = min(floor, end(curve)+line/2)
		floor = curve.label - line*vg.Length(len(curve.names))
	}
	ceiling := c.Min.Y - line/2
	for _, curve := range slices.Backward(drawn) { // Up again, as far as the page's foot does.
		curve.label = max(curve.label, ceiling+line*vg.Length(len(curve.names)))
		ceiling = curve.label
	}
	right := c.Max.X          // Where words stand at the axis, the lines end before it does.
	c.Max.X += v.labelWidth() // No glyph is drawn off its canvas.
	for _, curve := range drawn {
		from := curve.points[len(curve.points)-1]
		at := vg.Point{X: right + labelGap, Y: curve.label - line/2}
		if moved := at.Y - from.Y; moved > 2 || moved < -2 || right > from.X+1 {
			c.StrokeLine2(draw.LineStyle{Color: grey, Width: 0.4}, from.X+3, from.Y, at.X-4, at.Y)
		}
		c.DrawGlyph(glyphOf(curve.series), at)
		for _, name := range curve.names {
			c.FillText(aligned(key, draw.XLeft, draw.YCenter), vg.Point{X: at.X + labelGlyph, Y: at.Y + 1}, name)
			at.Y -= line
		}
	}
}

// measured marks what was measured, over the lines.
type measured struct {
	*drawing
	part *part
}

func (m *measured) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, row := range m.part.rows {
		if value, ok := m.result.Reference(row, m.part.column.Name); ok {
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

// least is the foot of a logarithmic axis. Where a value is zero, that is at the foot,
// and all others are well above.
func (d *drawing) least(column string) (least float64, zero bool) {
	least = math.Inf(1)
	for _, part := range d.plots {
		for _, row := range part.rows {
			e := d.result.Cell(row, column)
			zero = zero || e.Value == 0
			for _, x := range []float64{e.Low, e.Value} {
				if x > 0 {
					least = min(least, x)
				}
			}
		}
	}
	least = min(least, d.most(column)/10) / 1.04
	if zero {
		least /= 2
	}
	return least, zero
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
// other from the middle of its height down, where lines that fall leave room: at
// the right of the place, if there is room up to the edge.
type mark struct {
	sweeps.Mark
	row int
}

func (m *mark) Plot(c draw.Canvas, p *plot.Plot) {
	toX, _ := p.Transforms(&c)
	x := toX(m.At)
	c.StrokeLine2(draw.LineStyle{Color: grey, Width: 0.7, Dashes: []vg.Length{2, 2}}, x, c.Min.Y, x, c.Max.Y)
	beside, side := vg.Length(3), draw.XLeft
	if x+beside+label.Width(m.Text) > c.Max.X {
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

// frame draws the plot with its column over its top left corner, room at its right,
// and its texts under its x axis. gonum/plot would reserve room for its own x label at
// the arithmetic middle, which on a log axis is far to the right.
func (d *drawing) frame(c draw.Canvas, p *plot.Plot, at int, right vg.Length) {
	column := d.plots[at].column
	across := c.Max.X - c.Min.X
	over := 0
	for _, part := range d.plots {
		over = max(over, len(wrapped(note, part.column.What, across)))
	}
	top := c.Max.Y - lineHeight(label) - vg.Length(over)*lineHeight(note)
	title := column.Name
	if column.Unit != title {
		title += ", " + column.Unit
	}
	write(write(c, label, []string{title}), note, wrapped(note, column.What, across))
	c.Max.Y = top - 5
	inner := draw.Crop(c, 0, -right, d.below(at/d.columns())+1, 0)
	p.Draw(inner)
	if d.under == nil {
		return
	}
	under := draw.Crop(c, min(p.DataCanvas(inner).Min.X-c.Min.X, indent), 0, 0, 0)
	under.Max.Y = inner.Min.Y - 2
	for _, t := range d.under[at] {
		under = write(under, t.style, t.lines)
	}
}

// indent is about as wide as the labels of a y axis.
const indent = 28

// A key is a sample, and a text; between two of them is a gap.
const sample, gap = 22, 14

// keys draws the row that says what is measured and what is the model's, if it
// must be said, and returns what is left. Lines have their names beside them.
func (d *drawing) keys(c draw.Canvas) draw.Canvas {
	line := key.Font.Size * 1.5
	x, y := c.Min.X, c.Max.Y-line/2
	put := func(text string, draws func(from, to vg.Length)) {
		draws(x, x+sample)
		c.FillText(aligned(key, draw.XLeft, draw.YCenter), vg.Point{X: x + sample + 4, Y: y}, text)
		x += sample + 4 + key.Width(text) + gap
	}
	measured := "measured"
	if d.figure.Kind == sweeps.Bars {
		put("model, median", func(from, to vg.Length) { bar(c, grey, from, to, y-3, y+3) })
		measured = "(measured)"
	}
	if d.measured() {
		put(measured, func(from, to vg.Length) { diamond(c, vg.Point{X: (from + to) / 2, Y: y}) })
	}
	if x > c.Min.X {
		c.Max.Y = y - line/2
	}
	return c
}
