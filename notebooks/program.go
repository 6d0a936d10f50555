package notebooks

import (
	"cmp"
	_ "embed"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// Setup is the first code cell of every lesson. GoNB's program is a module of
// its own, in a temporary folder: this lets it import the lab and what the
// lessons' module requires, without a network. Here it does nothing.
const Setup = `!*rm -f go.work && go work init && go work use . "$GONB_DIR" "$GONB_DIR/.."
%noautoget`

// part is the Go code of a cell.
type part struct {
	cell         int
	declarations string
	main         string // what follows %%
	mainLine     int    // where that begins; 0: the cell has no %%
}

// split takes a code cell apart.
func split(cell int, source string) (part, error) {
	p := part{cell: cell}
	into := &p.declarations
	line := 0
	for text := range strings.Lines(source) {
		line++
		switch magic := strings.TrimSpace(text); {
		case magic == "%%" && p.mainLine == 0:
			p.mainLine = line + 1
			into = &p.main
		case strings.HasPrefix(text, "%") || strings.HasPrefix(text, "!") || strings.HasPrefix(text, "//gonb:"):
			return p, fmt.Errorf("line %d, %.60q, is not Go; want one %%%% at most, and nothing else for GoNB", line, magic)
		default:
			*into += text
		}
	}
	return p, nil
}

// tab is how a cell is indented: Jupyter draws arrows for tabs.
const tab = "    "

// unformatted says which part of a cell is not as gofmt leaves it, but for its tabs.
func (p *part) unformatted() error {
	for _, code := range []string{p.declarations, p.main} {
		if strings.Contains(code, "\t") {
			return fmt.Errorf("it has a tab, for which Jupyter draws an arrow; want %d spaces", len(tab))
		}
		code = strings.TrimSpace(code)
		formatted, err := format.Source([]byte(code))
		if err != nil {
			continue // The compiler says more.
		}
		is, want := strings.Split(code, "\n"), strings.Split(strings.ReplaceAll(string(formatted), "\t", tab), "\n")
		for i := range is {
			if i >= len(want) || is[i] != want[i] {
				return fmt.Errorf("gofmt would change %.120q", is[i])
			}
		}
	}
	return nil
}

// name is what the compiler and stack traces call the cell, in place of a file's
// name. The number of the line follows.
func (p *part) name() string { return fmt.Sprintf("cell %d, line", p.cell) }

// program is the cells of a notebook as one Go program.
type program struct {
	parts []part
	cells string // cells.go: the declarations of the cells, and a function for each cell's main
	main  string // main.go: runs the cell whose number is the argument
}

// compose makes one program of the code cells but the first, which is Setup.
func compose(cells []Cell) (*program, error) {
	if len(cells) == 0 || string(cells[0].Source) != Setup {
		return nil, fmt.Errorf("cell 1 is not the Setup of every lesson, which stands in program.go")
	}
	p := &program{}
	for i, c := range cells[1:] {
		part, err := split(i+2, string(c.Source))
		if err == nil {
			err = part.unformatted()
		}
		if err != nil {
			return nil, fmt.Errorf("cell %d: %w", i+2, err)
		}
		p.parts = append(p.parts, part)
	}
	return p, p.write()
}

// write writes the files.
func (p *program) write() error {
	var imports, code, mains strings.Builder
	seen := map[string]bool{}
	for i := range p.parts {
		part := &p.parts[i]
		declarations, specs, err := part.cutImports()
		if err != nil {
			return err
		}
		for _, s := range specs {
			if !inDoc(s.path) {
				return fmt.Errorf("%s:%d: %s is not among the imports in doc.go", part.name(), s.line, s.path)
			}
			if !seen[s.text] {
				fmt.Fprintf(&imports, "//line %s:%d\nimport %s\n", part.name(), s.line, s.text)
			}
			seen[s.text] = true
		}
		fmt.Fprintf(&code, "\n//line %s:1\n%s\n", part.name(), declarations)
		fmt.Fprintf(&code, "\nfunc cell%d() {\n//line %s:%d\n%s\n}\n", part.cell, part.name(), max(part.mainLine, 1), part.main)
		fmt.Fprintf(&mains, "\t\t%q: cell%d,\n", strconv.Itoa(part.cell), part.cell)
	}
	p.cells = "package main\n\n" + imports.String() + code.String()
	p.main = "package main\n\nimport \"os\"\n\nfunc main() {\n\tmap[string]func(){\n" + mains.String() + "\t}[os.Args[1]]()\n}\n"
	return p.early()
}

//go:embed doc.go
var doc string

// inDoc says whether a package is one of those that doc.go imports, or of the
// standard library.
func inDoc(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first != "racelab" && !strings.Contains(first, ".") || strings.Contains(doc, "_ "+strconv.Quote(path))
}

// importSpec is what stands behind the word import.
type importSpec struct {
	text, path string
	line       int
}

// cutImports returns the declarations with blanks for the imports, so that
// lines stay where they are, and the imports.
func (p *part) cutImports() (declarations string, imports []importSpec, err error) {
	const head = "package main; "
	source := head + p.declarations
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, p.name(), source, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, firstLine(err)
	}
	at := func(pos token.Pos) int { return fset.Position(pos).Offset }
	text := []byte(source)
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			for i := at(g.Pos()); i < at(g.End()); i++ {
				if text[i] != '\n' {
					text[i] = ' '
				}
			}
		}
	}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		imports = append(imports, importSpec{source[at(spec.Pos()):at(spec.End())], path, fset.Position(spec.Pos()).Line})
	}
	return string(text[len(head):]), imports, nil
}

// early finds the first name that is used in a cell before that which declares
// it. The one program would not mind; GoNB would.
func (p *program) early() error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "cells.go", p.cells, parser.SkipObjectResolution)
	if err != nil {
		return firstLine(err)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	// Nothing is imported here, so the compiler is the one to find errors.
	config := types.Config{Error: func(error) {}}
	pkg, _ := config.Check("main", fset, []*ast.File{file}, info)
	order := map[string]int{}
	for _, part := range p.parts {
		order[part.name()] = part.cell
	}
	cellOf := func(pos token.Pos) int { return order[fset.Position(pos).Filename] }
	var uses []*ast.Ident
	for id, object := range info.Uses {
		if object.Pkg() == pkg && cellOf(object.Pos()) > cellOf(id.Pos()) {
			uses = append(uses, id)
		}
	}
	if len(uses) == 0 {
		return nil
	}
	first := slices.MinFunc(uses, func(a, b *ast.Ident) int { return cmp.Compare(a.Pos(), b.Pos()) })
	at := fset.Position(first.Pos())
	return fmt.Errorf("%s:%d: %s is declared in cell %d, which runs later", at.Filename, at.Line, first.Name, cellOf(info.Uses[first].Pos()))
}

// firstLine is the first line of an error that has several.
func firstLine(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s", line)
}
