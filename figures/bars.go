package figures

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"racelab/sweeps"
)

// bars draws a bar for each row of the panel, from the top, with its interval
// as a whisker, its value in figures and what was measured as a diamond.
func (d *drawing) bars(c draw.Canvas, at int) {
	part := &d.plots[at]
	p := newPlot()
	b := &barPlot{drawing: d, part: part}
	p.X.Min, p.X.Max = 0, b.most()*1.2 // Room for the values.
	if d.measured() {
		p.X.Max *= 1.2
	}
	p.X.Tick.Marker = linear(4)
	p.Y.Min, p.Y.Max = -float64(len(part.rows))+0.4, 0.6
	var names []plot.Tick
	for i, row := range part.rows {
		names = append(names, plot.Tick{Value: -float64(i), Label: rowName(row)})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(names)
	p.Y.Tick.Label.Color = ink
	if at%d.columns() > 0 { // The names stand at the left of the first.
		for i := range names {
			names[i].Label = " "
		}
	}
	p.Add(b)
	d.frame(c, p, at, 0)
}

func rowName(row sweeps.Row) string {
	if row.Text == "" {
		return row.Series.Name
	}
	return row.Series.Name + ", " + row.Text
}

// barPlot is the bars of a part as a plotter.
type barPlot struct {
	*drawing
	part *part
}

func (b *barPlot) most() float64 {
	most := b.drawing.most(b.part.column.Name)
	for _, row := range b.part.rows {
		if value, ok := b.result.Reference(row, b.part.column.Name); ok {
			most = max(most, value)
		}
	}
	return most
}

func (b *barPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	half := min((y(1)-y(0))*0.3, 11)
	for i, row := range b.part.rows {
		e, middle := b.result.Cell(row, b.part.column.Name), y(-float64(i))
		bar(c, palette[b.series(row)%len(palette)], x(0), x(e.Value), middle-half, middle+half)
		whisker := draw.LineStyle{Color: ink, Width: 0.8}
		if x(e.High)-x(e.Low) > 1 {
			c.StrokeLine2(whisker, x(e.Low), middle, x(e.High), middle)
			for _, end := range []float64{e.Low, e.High} {
				c.StrokeLine2(whisker, x(end), middle-half/3, x(end), middle+half/3)
			}
		}
		reach, text := max(e.Value, e.High), sweeps.Number(e.Value)
		if value, ok := b.result.Reference(row, b.part.column.Name); ok {
			diamond(c, vg.Point{X: x(value), Y: middle})
			reach = max(reach, value)
			text += " (" + sweeps.Number(value) + ")"
		}
		c.FillText(aligned(label, draw.XLeft, draw.YCenter), vg.Point{X: x(reach) + 6, Y: middle}, text)
	}
}

// series is the number of the row's series.
func (d *drawing) series(row sweeps.Row) int {
	for i, s := range d.result.Sweep.Series {
		if s == row.Series {
			return i
		}
	}
	panic("figures: no series " + row.Series.Name)
}

// measured says whether the figure shows a number that was measured.
func (d *drawing) measured() bool {
	for _, part := range d.plots {
		for _, row := range part.rows {
			if _, ok := d.result.Reference(row, part.column.Name); ok {
				return true
			}
		}
	}
	return false
}

func bar(c draw.Canvas, fill color.Color, left, right, bottom, top vg.Length) {
	c.FillPolygon(fill, []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}})
}

// diamond marks what was measured: white with a dark rim, so that it shows on
// a bar and beside it.
func diamond(c draw.Canvas, at vg.Point) {
	const r = 3.6
	points := []vg.Point{{X: at.X - r, Y: at.Y}, {X: at.X, Y: at.Y + r}, {X: at.X + r, Y: at.Y}, {X: at.X, Y: at.Y - r}}
	c.FillPolygon(white, points)
	c.StrokeLines(draw.LineStyle{Color: ink, Width: 1}, append(points, points[0]))
}
