package exercise

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// bodyOf is the body of a text: all of it, or, of a whole file, that of its
// function. It is what two texts that differ in nothing else have in common.
func bodyOf(text string) (body string, firstLine int) {
	for shift, head := range []string{"", "package p\n"} { // A function may come without its package.
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "", head+text, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				from, to := set.Position(f.Body.Lbrace), set.Position(f.Body.Rbrace)
				return (head + text)[from.Offset+1 : to.Offset], from.Line - shift
			}
		}
	}
	return text, 1
}

// braceLeft is what Go's parser says if the body closes its function itself.
const braceLeft = "expected declaration, found '}'"

// mostText is how many bytes a text may have. Right ones have a tenth of them.
const mostText = 4000

// compileAll reads a text that fills all holes.
func compileAll(text string, holes []*language) ([]*code, error) {
	if len(text) > mostText {
		return nil, &SyntaxError{1, fmt.Sprintf("the text is longer than %d bytes", mostText)}
	}
	bodies, lines, err := bodiesOf(text, holes)
	if err != nil {
		return nil, err
	}
	var list []*code
	for i, l := range holes {
		c, err := compile(bodies[i], lines[i], l)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// asGo has for each sign that an input method for Chinese writes the one that Go has.
var asGo = strings.NewReplacer("（", "(", "）", ")", "｛", "{", "｝", "}", "；", ";", "，", ",", "！", "!", "＝", "=", "＋", "+", "：", ":", "　", " ", "\u00a0", " ")

// bodiesOf are the bodies of a text and the lines where they begin, by hole. The text
// of one hole may be the body alone.
func bodiesOf(text string, holes []*language) (bodies []string, lines []int, err error) {
	text = asGo.Replace(text)
	if len(holes) == 1 {
		if whole.MatchString(text) { // Else its lines would be read as those of a body.
			file, _, _, err := fileOf(text)
			if err != nil {
				return nil, nil, err
			}
			if !slices.ContainsFunc(file.Decls, func(d ast.Decl) bool { f, ok := d.(*ast.FuncDecl); return ok && f.Body != nil }) {
				return nil, nil, holes[0].missing()
			}
		}
		body, line := bodyOf(text)
		return []string{body}, []int{line}, nil
	}
	return functionsOf(text, holes)
}

// name is that of the hole's function.
func (l *language) name() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(l.hole, "func "), "(")
	return name
}

// missing says that a file has no function for the hole.
func (l *language) missing() error { return &SyntaxError{1, "there is no " + l.hole + " }"} }

// whole says that a text begins as a file does, or as a function, and not as its body.
var whole = regexp.MustCompile(`^(\s|//.*\n)*(package|func)\b`)

// fileOf reads a text as a file. head is what stands before the text there.
func fileOf(text string) (file *ast.File, set *token.FileSet, head string, err error) {
	if !strings.Contains(text, "package ") {
		head = "package p\n"
	}
	set = token.NewFileSet()
	file, err = parser.ParseFile(set, "", head+text, parser.SkipObjectResolution)
	var list scanner.ErrorList
	if errors.As(err, &list) {
		first := list[0]
		if first.Msg == braceLeft {
			first.Msg = "a brace too many"
		}
		err = &SyntaxError{max(min(first.Pos.Line-strings.Count(head, "\n"), 1+strings.Count(strings.TrimRight(text, " \t\n"), "\n")), 1), first.Msg}
	}
	return file, set, head, err
}

// functionsOf are the bodies of a text with several functions, by hole.
func functionsOf(text string, holes []*language) (bodies []string, lines []int, err error) {
	file, set, head, err := fileOf(text)
	if err != nil {
		return nil, nil, err
	}
	shift := strings.Count(head, "\n")
	for _, l := range holes {
		found := false
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil || f.Name.Name != l.name() {
				continue
			}
			from, to := set.Position(f.Body.Lbrace), set.Position(f.Body.Rbrace)
			line := from.Line - shift
			if found {
				return nil, nil, &SyntaxError{line, "there is a second " + l.hole + " }"}
			}
			if begins := set.Position(f.Pos()).Offset; strings.Join(strings.Fields((head + text)[begins:from.Offset+1]), " ") != l.hole {
				return nil, nil, &SyntaxError{line, "the function begins with " + l.hole}
			}
			bodies, lines = append(bodies, (head + text)[from.Offset+1:to.Offset]), append(lines, line)
			found = true
		}
		if !found {
			return nil, nil, l.missing()
		}
	}
	return bodies, lines, nil
}
