package figures

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"racelab/scenario"
	"racelab/sim/explore"
	"racelab/sweeps"
)

// The width of a figure, and the least height; each row of plots adds to that.
const (
	width     = 6.5 * vg.Inch
	leastPage = 3.8 * vg.Inch
	plotRow   = 2.6 * vg.Inch
	margin    = 10
	dpi       = 160
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
	texts  []lines   // over the plots: headline and notes
	under  [][]lines // each plot: its axis, and what holds there only
}

// lines are text in a style.
type lines struct {
	style text.Style
	lines []string
}

// part is one of the small multiples: a column in a panel.
type part struct {
	panel  sweeps.Panel
	column sweeps.Column
	with   string // what holds in this panel of the figure, and not in all
	rows   []sweeps.Row
}

func newDrawing(r *sweeps.Result, f sweeps.Figure) *drawing {
	d := &drawing{result: r, figure: f}
	panels := r.Sweep.PanelsOf(f)
	everywhere, only := r.Holds(panels)
	add := func(panel sweeps.Panel, column string) {
		p := part{panel: panel, column: r.Sweep.Column(column)}
		if at := slices.IndexFunc(panels, func(of sweeps.Panel) bool { return of.Name() == panel.Name() }); len(only[at]) > 0 {
			p.with = "with " + only[at].String()
		}
		for _, row := range r.Rows {
			if row.Panel.Name() == panel.Name() {
				p.rows = append(p.rows, row)
			}
		}
		d.plots = append(d.plots, p)
	}
	if len(f.Columns) > 2 { // Panels stand side by side, columns one below the other.
		for _, column := range f.Columns {
			for _, panel := range panels {
				add(panel, column)
			}
		}
	} else {
		for _, panel := range panels {
			for _, column := range f.Columns {
				add(panel, column)
			}
		}
	}
	const across = width - 2*margin
	d.texts = []lines{{headline, wrapped(headline, f.Headline(r), across)}, {note, wrapped(note, d.note(everywhere), across)}}
	if f.Kind == sweeps.Lines {
		d.texts = append(d.texts, lines{note, wrapped(note, d.whatSeriesAre(), across)})
		for i := range d.plots {
			d.under = append(d.under, d.axisTexts(&d.plots[i]))
		}
	}
	return d
}

// columns is how many plots stand side by side.
func (d *drawing) columns() int { return min(2, len(d.plots)) }

func (d *drawing) rows() int { return (len(d.plots) + d.columns() - 1) / d.columns() }

func (d *drawing) height() vg.Length {
	height := vg.Length(2 * margin)
	for row := range d.rows() {
		height += d.rowHeight(row)
	}
	for _, t := range d.texts {
		height += vg.Length(len(t.lines)) * lineHeight(t.style)
	}
	return max(height, leastPage)
}

// rowHeight is the height of a row of plots: their frames are equally high in all rows.
func (d *drawing) rowHeight(row int) vg.Length { return plotRow + d.below(row) }

// below is the room for the texts under the plots of a row.
func (d *drawing) below(row int) vg.Length {
	most := vg.Length(0)
	for i := range d.under {
		if i/d.columns() == row {
			height := vg.Length(0)
			for _, t := range d.under[i] {
				height += vg.Length(len(t.lines)) * lineHeight(t.style)
			}
			most = max(most, height)
		}
	}
	return most
}

// draw lays out the page from the top: headline, notes, keys, plots.
func (d *drawing) draw(c draw.Canvas) {
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	for _, t := range d.texts {
		c = write(c, t.style, t.lines)
		c.Max.Y -= 2
	}
	c.Max.Y -= 3
	c = d.keys(c)
	c.Max.Y -= 8

	const gap = 14
	columns, rows := vg.Length(d.columns()), vg.Length(d.rows())
	w := (c.Max.X - c.Min.X - gap*(columns-1)) / columns
	room := c.Max.Y - c.Min.Y - gap*(rows-1)
	for row := range d.rows() {
		room -= d.below(row)
	}
	y, h := c.Max.Y, vg.Length(0)
	for i := range d.plots {
		x := c.Min.X + vg.Length(i%d.columns())*(w+gap)
		if i%d.columns() == 0 {
			if i > 0 {
				y -= h + gap
			}
			h = room/rows + d.below(i/d.columns())
		}
		cell := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: y - h}, Max: vg.Point{X: x + w, Y: y}}}
		if d.figure.Kind == sweeps.Bars {
			d.bars(cell, i)
		} else {
			d.lines(cell, i)
		}
	}
}

// note says what the numbers rest on.
func (d *drawing) note(everywhere scenario.Values) string {
	band := map[sweeps.Kind]string{sweeps.Lines: "band", sweeps.Bars: "whisker"}[d.figure.Kind]
	return fmt.Sprintf("%s. Each point: %s; %s: 95 %% interval. %v", d.result.Sweep.Title, explore.Count(d.result.Seeds, "seed"), band, everywhere)
}

// axisTexts say what stands at an axis, and what holds in that panel only.
func (d *drawing) axisTexts(p *part) []lines {
	columns := vg.Length(d.columns())
	across := (width-2*margin-gap*(columns-1))/columns - indent
	texts := []lines{{label, wrapped(label, d.result.Sweep.Axis(p.panel).Label, across)}}
	if p.with != "" {
		texts = append(texts, lines{note, wrapped(note, p.with, across)})
	}
	return texts
}

// whatSeriesAre says what stands behind the names beside the lines.
func (d *drawing) whatSeriesAre() string {
	var all []string
	for _, s := range d.result.Sweep.Series {
		all = append(all, strings.TrimSuffix(s.Name+": "+s.What, ": "))
	}
	says := strings.Join(all, "; ") + "."
	if len(all) > 2 {
		says += " A name with ≈ has the line of the one above it."
	}
	return says
}
