package figures

import (
	"image/color"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	white = color.Gray{Y: 0xff}
	ink   = color.Gray{Y: 0x20}
	grey  = color.Gray{Y: 0x66}
	grid  = color.Gray{Y: 0xe6}
)

// palette is Okabe's and Ito's, which colour-blind readers can tell apart, but for
// its yellow, which is too light for a line on white; in its place is Tol's wine.
var palette = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	{0x00, 0x00, 0x00, 0xff}, // black
	{0x88, 0x22, 0x55, 0xff}, // wine
}

var dashes = [][]vg.Length{nil, {5, 2}, {1.5, 1.5}, {6, 2, 1.5, 2}, {3, 1.5}, {8, 2}, {4, 1.5, 1, 1.5, 1, 1.5}, {1, 2.5}}

var glyphs = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
}

// bandAlpha is how much of a band is seen.
const bandAlpha = 0x33

func lineOf(series int) draw.LineStyle {
	return draw.LineStyle{Color: palette[series%len(palette)], Width: 1.4, Dashes: dashes[series%len(dashes)]}
}

func glyphOf(series int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: palette[series%len(palette)], Radius: 2.2, Shape: glyphs[series%len(glyphs)]}
}

func bandOf(series int) color.Color {
	c := palette[series%len(palette)]
	c.A = bandAlpha
	return c
}

var (
	headline = style(11, xfont.WeightBold, ink)
	note     = style(7.2, xfont.WeightNormal, grey)
	key      = style(8, xfont.WeightNormal, ink)
	label    = style(7.6, xfont.WeightNormal, ink)
	tick     = style(7.2, xfont.WeightNormal, grey)
)

func style(size vg.Length, weight xfont.Weight, c color.Color) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size, Weight: weight},
		XAlign:  draw.XLeft,
		YAlign:  draw.YTop,
		Handler: plot.DefaultTextHandler,
	}
}

// aligned is the style with its text to another side of its point.
func aligned(s text.Style, x text.XAlignment, y text.YAlignment) text.Style {
	s.XAlign, s.YAlign = x, y
	return s
}

// glued keeps a number and its unit in one line.
var glued = strings.NewReplacer(" ms", "\u00a0ms", " µs", "\u00a0µs", " %", "\u00a0%")

// wrapped is words in as many lines as they need. No word is left alone in the last one.
func wrapped(s text.Style, words string, width vg.Length) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(glued.Replace(words), " ") {
		longer := strings.TrimPrefix(line+" "+word, " ")
		if line != "" && s.Width(longer) > width {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	if last := len(lines) - 1; last >= 0 && !strings.Contains(line, " ") {
		if i := strings.LastIndexByte(lines[last], ' '); i > 0 && s.Width(lines[last][i+1:]+" "+line) <= width {
			lines[last], line = lines[last][:i], lines[last][i+1:]+" "+line
		}
	}
	return append(lines, line)
}

// lineHeight is that of a line of a paragraph.
func lineHeight(s text.Style) vg.Length { return s.Font.Size * 1.28 }

// write writes lines from the top, and returns what is left below.
func write(c draw.Canvas, s text.Style, lines []string) draw.Canvas {
	for _, line := range lines {
		c.FillText(s, vg.Point{X: c.Min.X, Y: c.Max.Y}, line)
		c.Max.Y -= lineHeight(s)
	}
	return c
}
