package figures

import (
	"bytes"
	"fmt"
	"regexp"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"racelab/sweeps"
)

// The size of a figure with one row of panels; each further row adds to it.
const (
	width    = 6.5 * vg.Inch
	height   = 3.8 * vg.Inch
	moreRows = 2.3 * vg.Inch
	dpi      = 160
)

// PNG draws a figure of the result as a picture.
func PNG(r *sweeps.Result, f sweeps.Figure) ([]byte, error) {
	d := newDrawing(r, f)
	c := vgimg.NewWith(vgimg.UseWH(width, d.height()), vgimg.UseDPI(dpi))
	d.draw(draw.New(c))
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(&b)
	return b.Bytes(), err
}

// fontFamily is how vgsvg names the font that it measured with.
var fontFamily = regexp.MustCompile(`font-family:([^;,"]+)`)

// SVG draws a figure of the result as vectors. Where the font is missing,
// another of the same widths serves.
func SVG(r *sweeps.Result, f sweeps.Figure) ([]byte, error) {
	d := newDrawing(r, f)
	c := vgsvg.New(width, d.height())
	d.draw(draw.New(c))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	return fontFamily.ReplaceAll(b.Bytes(), []byte("font-family:$1,Arial,sans-serif")), err
}

// drawing is a figure on its way to a canvas.
type drawing struct {
	result *sweeps.Result
	figure sweeps.Figure
	plots  []part
}

// part is one of the small multiples: a column in a panel.
type part struct {
	panel  sweeps.Panel
	column sweeps.Column
	rows   []sweeps.Row
}

func newDrawing(r *sweeps.Result, f sweeps.Figure) *drawing {
	d := &drawing{result: r, figure: f}
	for _, panel := range r.Sweep.PanelsOf(f) {
		for _, column := range f.Columns {
			p := part{panel: panel, column: r.Sweep.Column(column)}
			for _, row := range r.Rows {
				if row.Panel.Name() == panel.Name() {
					p.rows = append(p.rows, row)
				}
			}
			d.plots = append(d.plots, p)
		}
	}
	return d
}

// columns is how many plots stand side by side.
func (d *drawing) columns() int {
	if n := len(d.plots); n <= 3 {
		return n
	}
	if len(d.plots) == 4 {
		return 2
	}
	return 3
}

func (d *drawing) rows() int { return (len(d.plots) + d.columns() - 1) / d.columns() }

func (d *drawing) height() vg.Length { return height + vg.Length(d.rows()-1)*moreRows }

// draw lays out the page from the top: headline, note, keys, plots.
func (d *drawing) draw(c draw.Canvas) {
	const margin = 10
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c = paragraph(c, headline, d.figure.Headline(d.result))
	c = draw.Crop(c, 0, 0, 0, -3)
	c = paragraph(c, note, d.note())
	c = draw.Crop(c, 0, 0, 0, -5)
	c = d.keys(c)
	c = draw.Crop(c, 0, 0, 0, -8)

	const gap = 14
	columns, rows := vg.Length(d.columns()), vg.Length(d.rows())
	w := (c.Max.X - c.Min.X - gap*(columns-1)) / columns
	h := (c.Max.Y - c.Min.Y - gap*(rows-1)) / rows
	for i := range d.plots {
		x := c.Min.X + vg.Length(i%d.columns())*(w+gap)
		y := c.Max.Y - vg.Length(i/d.columns())*(h+gap)
		cell := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y - h}, Max: vg.Point{X: x + w, Y: y}}}
		if d.figure.Kind == sweeps.Bars {
			d.bars(cell, i)
		} else {
			d.lines(cell, i)
		}
	}
}

// note says what the numbers rest on.
func (d *drawing) note() string {
	band := map[sweeps.Kind]string{sweeps.Lines: "band", sweeps.Bars: "whisker"}[d.figure.Kind]
	return fmt.Sprintf("%s. Each point: %d seeds; %s: 95 %% interval. %v", d.result.Sweep.Title, d.result.Seeds, band, d.result.Values)
}
