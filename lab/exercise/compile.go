package exercise

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// compile reads the body of a function, which begins in a line of the text.
func compile(body string, line int, l *language) (_ *code, err error) {
	set := token.NewFileSet()
	const head = "package p; func hole() {"
	file, err := parser.ParseFile(set, "", head+"\n"+body+"\n}", parser.SkipObjectResolution)
	var list scanner.ErrorList
	last := 1 + strings.Count(strings.TrimRight(body, " \t\n"), "\n")
	if errors.As(err, &list) && list[0].Msg != braceLeft {
		return nil, &SyntaxError{max(min(list[0].Pos.Line-1, last), 1) + line - 1, list[0].Msg}
	}
	if err != nil || len(file.Decls) > 1 {
		return nil, &SyntaxError{last + line - 1, "a brace too many: the text is the body of one function, " + l.hole + " }"}
	}
	f := file.Decls[0].(*ast.FuncDecl)
	c := &compiler{code: &code{language: l}, set: set, line: line - 2}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *SyntaxError:
			err = r
		default:
			panic(r)
		}
	}()
	c.open()
	for _, a := range l.args {
		c.declare(a.name, a.kind)
	}
	c.block(f.Body)
	if l.gives != nothing && !ends(f.Body.List) {
		at := f.Body.Lbrace
		if n := len(f.Body.List); n > 0 {
			at = f.Body.List[n-1].End() - 1
		}
		c.fail(at, "the function ends without a return: it gives %s", l.gives)
	}
	c.emit(f.Body.Rbrace, finish, 0)
	return c.code, nil
}

// ends says whether no way leads past the statements.
func ends(list []ast.Stmt) bool {
	if len(list) == 0 {
		return false
	}
	switch s := list[len(list)-1].(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BlockStmt:
		return ends(s.List)
	case *ast.IfStmt:
		return s.Else != nil && ends(s.Body.List) && ends([]ast.Stmt{s.Else})
	case *ast.ForStmt:
		return s.Cond == nil
	}
	return false
}

type compiler struct {
	code   *code
	set    *token.FileSet
	line   int // to be added to a position's
	scopes []map[string]local
	loops  []loop
}

type local struct {
	at   int
	kind kind
}

// loop is where break and continue are to lead: the instructions to be mended.
type loop struct{ breaks, continues []int }

func (c *compiler) fail(at token.Pos, format string, args ...any) {
	panic(&SyntaxError{max(c.lineOf(at), 1), fmt.Sprintf(format, args...)})
}

func (c *compiler) lineOf(at token.Pos) int { return c.set.Position(at).Line + c.line }

// emit adds an instruction, and returns where it stands.
func (c *compiler) emit(at token.Pos, o op, n int) int {
	c.code.list = append(c.code.list, instruction{o, n, c.lineOf(at)})
	return len(c.code.list) - 1
}

// here lets jumps lead to what comes next.
func (c *compiler) here(jumps ...int) {
	for _, j := range jumps {
		c.code.list[j].n = len(c.code.list)
	}
}

func (c *compiler) open()  { c.scopes = append(c.scopes, map[string]local{}) }
func (c *compiler) close() { c.scopes = c.scopes[:len(c.scopes)-1] }

func (c *compiler) declare(name string, k kind) local {
	v := local{c.code.locals, k}
	c.code.locals++
	if name != "_" {
		c.scopes[len(c.scopes)-1][name] = v
	}
	return v
}

func (c *compiler) lookUp(name string) (local, bool) {
	for i := len(c.scopes) - 1; i >= 0; i-- {
		if v, ok := c.scopes[i][name]; ok {
			return v, true
		}
	}
	return local{}, false
}

func (c *compiler) block(b *ast.BlockStmt) {
	c.open()
	defer c.close()
	for _, s := range b.List {
		c.statement(s)
	}
}

// allowed is what a text may be made of.
const allowed = "calls, defer of a call, if, for, break, continue, return, :=, =, ++, --, int, bool and error"

func (c *compiler) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.EmptyStmt:
	case *ast.BlockStmt:
		c.block(s)
	case *ast.ExprStmt:
		x, ok := s.X.(*ast.CallExpr)
		if !ok {
			c.fail(s.Pos(), "this value is not used")
		}
		if c.call(x, call) != nothing {
			c.emit(s.Pos(), drop, 0)
		}
	case *ast.DeferStmt:
		if len(s.Call.Args) > 0 {
			c.fail(s.Pos(), "what is deferred has no arguments here")
		}
		c.call(s.Call, postpone)
	case *ast.AssignStmt:
		c.assign(s)
	case *ast.IncDecStmt:
		v := c.variable(s.X)
		c.want(s.X, v.kind, number)
		operator := token.ADD
		if s.Tok == token.DEC {
			operator = token.SUB
		}
		c.emit(s.Pos(), load, v.at)
		c.emit(s.Pos(), push, 1)
		c.emit(s.Pos(), binary, int(operator))
		c.emit(s.Pos(), store, v.at)
	case *ast.DeclStmt:
		c.declaration(s)
	case *ast.IfStmt:
		c.ifElse(s)
	case *ast.ForStmt:
		c.forLoop(s)
	case *ast.RangeStmt:
		c.rangeLoop(s)
	case *ast.BranchStmt:
		c.branch(s)
	case *ast.ReturnStmt:
		c.giveBack(s)
	default:
		c.fail(s.Pos(), "this statement is not in the exercise; there are %s", allowed)
	}
}

func (c *compiler) assign(s *ast.AssignStmt) {
	if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
		c.fail(s.Pos(), "one variable at a time, please: x := f()")
	}
	switch s.Tok {
	case token.DEFINE:
		name, ok := s.Lhs[0].(*ast.Ident)
		if !ok {
			c.fail(s.Pos(), "the left side of := is a name")
		}
		k := c.value(s.Rhs[0])
		if _, known := c.scopes[len(c.scopes)-1][name.Name]; known {
			c.fail(s.Pos(), "%s is there already: write = instead of :=", name.Name)
		}
		c.emit(s.Pos(), store, c.declare(name.Name, k).at)
	case token.ASSIGN:
		if name, ok := s.Lhs[0].(*ast.Ident); ok && name.Name == "_" {
			c.value(s.Rhs[0])
			c.emit(s.Pos(), drop, 0)
			return
		}
		v := c.variable(s.Lhs[0])
		c.want(s.Rhs[0], c.value(s.Rhs[0]), v.kind)
		c.emit(s.Pos(), store, v.at)
	case token.ADD_ASSIGN, token.SUB_ASSIGN:
		v := c.variable(s.Lhs[0])
		c.want(s.Lhs[0], v.kind, number)
		c.emit(s.Pos(), load, v.at)
		c.want(s.Rhs[0], c.value(s.Rhs[0]), number)
		operator := token.ADD
		if s.Tok == token.SUB_ASSIGN {
			operator = token.SUB
		}
		c.emit(s.Pos(), binary, int(operator))
		c.emit(s.Pos(), store, v.at)
	default:
		c.fail(s.Pos(), "%s is not in the exercise; there are :=, =, += and -=", s.Tok)
	}
}

// declaration is var x int, or var x = 1.
func (c *compiler) declaration(s *ast.DeclStmt) {
	d, ok := s.Decl.(*ast.GenDecl)
	if !ok || d.Tok != token.VAR {
		c.fail(s.Pos(), "only variables are declared here: var x int")
	}
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		if len(v.Names) != 1 || len(v.Values) > 1 {
			c.fail(v.Pos(), "one variable at a time, please: var x int")
		}
		k := nothing
		if v.Type != nil {
			name, ok := v.Type.(*ast.Ident)
			if !ok || !slices.Contains([]kind{number, condition, failure}, kind(name.Name)) {
				c.fail(v.Pos(), "a variable is an int, a bool or an error")
			}
			k = kind(name.Name)
		}
		if len(v.Values) == 0 {
			c.emit(v.Pos(), push, 0)
		} else if given := c.value(v.Values[0]); k == nothing {
			k = given
		} else {
			c.want(v.Values[0], given, k)
		}
		c.emit(v.Pos(), store, c.declare(v.Names[0].Name, k).at)
	}
}

func (c *compiler) ifElse(s *ast.IfStmt) {
	c.open()
	defer c.close()
	if s.Init != nil {
		c.statement(s.Init)
	}
	c.want(s.Cond, c.value(s.Cond), condition)
	otherwise := c.emit(s.Pos(), unless, 0)
	c.block(s.Body)
	if s.Else == nil {
		c.here(otherwise)
		return
	}
	end := c.emit(s.Else.Pos(), jump, 0)
	c.here(otherwise)
	c.statement(s.Else)
	c.here(end)
}

func (c *compiler) forLoop(s *ast.ForStmt) {
	c.open()
	defer c.close()
	if s.Init != nil {
		c.statement(s.Init)
	}
	top := len(c.code.list)
	var out []int
	if s.Cond != nil {
		c.want(s.Cond, c.value(s.Cond), condition)
		out = append(out, c.emit(s.Cond.Pos(), unless, 0))
	}
	c.turn(s.Body, func() {
		if s.Post != nil {
			c.statement(s.Post)
		}
	}, top, out)
}

// turn compiles the body of a loop, what comes after each turn, and the way back.
func (c *compiler) turn(body *ast.BlockStmt, post func(), top int, out []int) {
	c.loops = append(c.loops, loop{})
	c.block(body)
	l := c.loops[len(c.loops)-1]
	c.loops = c.loops[:len(c.loops)-1]
	c.here(l.continues...)
	post()
	c.emit(body.Rbrace, jump, top)
	c.here(append(out, l.breaks...)...)
}

// rangeLoop is for range n, or for i := range n.
func (c *compiler) rangeLoop(s *ast.RangeStmt) {
	c.open()
	defer c.close()
	name := "_"
	if s.Key != nil {
		key, ok := s.Key.(*ast.Ident)
		if !ok || s.Value != nil || s.Tok != token.DEFINE {
			c.fail(s.Pos(), "range counts here: for i := range 3")
		}
		name = key.Name
	}
	c.want(s.X, c.value(s.X), number)
	end := c.declare("_", number)
	c.emit(s.Pos(), store, end.at)
	c.emit(s.Pos(), push, 0)
	i := c.declare(name, number)
	c.emit(s.Pos(), store, i.at)
	top := len(c.code.list)
	c.emit(s.Pos(), load, i.at)
	c.emit(s.Pos(), load, end.at)
	c.emit(s.Pos(), binary, int(token.LSS))
	out := []int{c.emit(s.Pos(), unless, 0)}
	c.turn(s.Body, func() {
		c.emit(s.Pos(), load, i.at)
		c.emit(s.Pos(), push, 1)
		c.emit(s.Pos(), binary, int(token.ADD))
		c.emit(s.Pos(), store, i.at)
	}, top, out)
}

func (c *compiler) branch(s *ast.BranchStmt) {
	if s.Label != nil || s.Tok != token.BREAK && s.Tok != token.CONTINUE {
		c.fail(s.Pos(), "there are break and continue, without a label")
	}
	if len(c.loops) == 0 {
		c.fail(s.Pos(), "%s stands in no loop", s.Tok)
	}
	l := &c.loops[len(c.loops)-1]
	j := c.emit(s.Pos(), jump, 0)
	if s.Tok == token.BREAK {
		l.breaks = append(l.breaks, j)
	} else {
		l.continues = append(l.continues, j)
	}
}

func (c *compiler) giveBack(s *ast.ReturnStmt) {
	gives := c.code.language.gives
	switch {
	case gives == nothing && len(s.Results) > 0:
		c.fail(s.Pos(), "the function gives nothing back")
	case gives != nothing && len(s.Results) != 1:
		c.fail(s.Pos(), "the function gives %s back", gives)
	case gives != nothing:
		c.want(s.Results[0], c.value(s.Results[0]), gives)
		c.emit(s.Pos(), finish, 1)
	default:
		c.emit(s.Pos(), finish, 0)
	}
}
