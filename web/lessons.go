package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// lesson is a text of the workshop in one language.
type lesson struct {
	ID       string `json:"id"` // "1-the-rewind"; "concepts"
	Language string `json:"language"`
	Title    string `json:"title"`
	HTML     string `json:"html"`
}

// lessonsOf reads the lessons below a root of the repository, and what they call
// the concepts.
func lessonsOf(root string) ([]lesson, error) {
	files, err := filepath.Glob(filepath.Join(root, "workshop", "lessons", "*.md"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there is no lesson in workshop/lessons (%v); run it from the root of the repository", err)
	}
	var list []lesson
	for _, file := range append(files, filepath.Join(root, "docs", "concepts.md")) {
		id, translated := strings.CutSuffix(strings.TrimSuffix(filepath.Base(file), ".md"), ".zh")
		l, extensions := lesson{ID: id, Language: "en"}, []goldmark.Extender{extension.Table}
		if translated { // Chinese has no space where a line ends.
			l.Language = "zh"
			extensions = append(extensions, extension.NewCJK(extension.WithEastAsianLineBreaks(extension.EastAsianLineBreaksCSS3Draft)))
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		head, body, _ := bytes.Cut(source, []byte("\n"))
		l.Title = strings.TrimPrefix(string(head), "# ")
		links := &pageLinks{directory: filepath.Dir(file)}
		var out bytes.Buffer
		// The details of a lesson are HTML, and its text is ours.
		err = goldmark.New(goldmark.WithExtensions(extensions...), goldmark.WithRendererOptions(html.WithUnsafe()),
			goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(links, 1)))).Convert(body, &out)
		if err == nil {
			err = links.err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		l.HTML = out.String()
		list = append(list, l)
	}
	return list, nil
}

// pageLinks makes the links of a lesson those of the page, which is alone: to an
// exercise, to a lesson, to the web, or none. An image is put into it.
type pageLinks struct {
	directory string
	err       error
}

// Transform implements parser.ASTTransformer.
func (p *pageLinks) Transform(doc *ast.Document, source text.Reader, _ parser.Context) {
	var nowhere []*ast.Link
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			to, ok := inPage(string(n.Destination))
			if n.Destination = []byte(to); !ok {
				nowhere = append(nowhere, n)
			}
		case *ast.Image:
			data, err := smallPNG(filepath.Join(p.directory, string(n.Destination)))
			if err != nil {
				return ast.WalkStop, err
			}
			n.Destination = []byte("data:image/png;base64," + base64.StdEncoding.EncodeToString(data))
		}
		return ast.WalkContinue, nil
	})
	for _, link := range nowhere {
		for child := link.FirstChild(); child != nil; child = link.FirstChild() {
			link.Parent().InsertBefore(link.Parent(), link, child)
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
	p.err = err
}

// inPage is where a link of a lesson leads in the page; ok is false if the page does
// not have it.
func inPage(to string) (link string, ok bool) {
	file, _, _ := strings.Cut(to, "#")
	switch {
	case strings.HasPrefix(to, "https://"):
		return to, true
	case path.Base(file) == "README.md" && path.Dir(path.Dir(file)) == "..":
		return "#exercise=" + path.Base(path.Dir(file)), true
	case path.Base(file) == "concepts.md":
		return "#lesson=concepts", true
	case path.Dir(file) == "." && path.Ext(file) == ".md":
		return "#lesson=" + strings.TrimSuffix(strings.TrimSuffix(file, ".md"), ".zh"), true
	}
	return "", false
}

// smallPNG is a figure in fewer colours: a fifth of its bytes.
func smallPNG(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	from, err := png.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var palette color.Palette
	places := map[color.RGBA]uint8{}
	to := image.NewPaletted(from.Bounds(), nil)
	coarse := func(c uint32) uint8 { return uint8(c >> 13 * 0xff / 7) }
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			r, g, b, _ := from.At(x, y).RGBA()
			c := color.RGBA{coarse(r), coarse(g), coarse(b), 0xff}
			at, known := places[c]
			if !known {
				if len(palette) > 0xff {
					return nil, fmt.Errorf("%s has more than 256 colours, coarse as they are", file)
				}
				at = uint8(len(palette))
				places[c] = at
				palette = append(palette, c)
			}
			to.SetColorIndex(x, y, at)
		}
	}
	to.Palette = palette
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}
