package exercise

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// variable is what stands left of an assignment.
func (c *compiler) variable(x ast.Expr) local {
	name := dotted(x)
	v, ok := c.lookUp(name)
	if !ok {
		c.fail(x.Pos(), "there is no variable %s that can be set", name)
	}
	return v
}

// want fails if a value has another kind.
func (c *compiler) want(x ast.Expr, got, want kind) {
	if got != want {
		c.fail(x.Pos(), "this is of type %s, and has to be %s", got, want)
	}
}

// dotted is a name, or names with dots between; else it is empty.
func dotted(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		if left := dotted(x.X); left != "" {
			return left + "." + x.Sel.Name
		}
	}
	return ""
}

// value compiles what leaves a value, and returns its kind.
func (c *compiler) value(x ast.Expr) kind {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return c.value(x.X)
	case *ast.BasicLit:
		n, err := strconv.Atoi(strings.ReplaceAll(x.Value, "_", ""))
		if err != nil {
			c.fail(x.Pos(), "%s is no whole number", x.Value)
		}
		c.emit(x.Pos(), push, n)
		return number
	case *ast.Ident, *ast.SelectorExpr:
		return c.named(x)
	case *ast.CallExpr:
		k := c.call(x, call)
		if k == nothing {
			c.fail(x.Pos(), "%s() gives nothing back", dotted(x.Fun))
		}
		return k
	case *ast.UnaryExpr:
		k := c.value(x.X)
		switch x.Op {
		case token.NOT:
			c.want(x.X, k, condition)
			c.emit(x.Pos(), not, 0)
		case token.SUB:
			c.want(x.X, k, number)
			c.emit(x.Pos(), minus, 0)
		default:
			c.fail(x.Pos(), "the operator %s is not in the exercise", x.Op)
		}
		return k
	case *ast.BinaryExpr:
		return c.operation(x)
	}
	c.fail(x.Pos(), "this expression is not in the exercise; there are numbers, names, calls, and operators")
	return nothing
}

func (c *compiler) named(x ast.Expr) kind {
	name := dotted(x)
	if v, ok := c.lookUp(name); ok {
		c.emit(x.Pos(), load, v.at)
		return v.kind
	}
	switch name {
	case "true", "false":
		n := 0
		if name == "true" {
			n = 1
		}
		c.emit(x.Pos(), push, n)
		return condition
	case "nil":
		c.emit(x.Pos(), push, 0)
		return failure
	}
	if v, ok := c.code.language.values[name]; ok {
		c.emit(x.Pos(), push, v.value)
		return v.kind
	}
	c.fail(x.Pos(), "there is no %s; there are %s", name, c.names())
	return nothing
}

// names lists what a text may speak of.
func (c *compiler) names() string {
	var names []string
	for _, w := range c.code.language.words {
		names = append(names, w.signature())
	}
	var values []string
	for name := range c.code.language.values {
		values = append(values, name)
	}
	slices.Sort(values)
	for _, a := range c.code.language.args {
		names = append(names, a.name)
	}
	return strings.Join(append(names, values...), ", ")
}

func (c *compiler) operation(x *ast.BinaryExpr) kind {
	left := c.value(x.X)
	if x.Op == token.LAND || x.Op == token.LOR {
		c.want(x.X, left, condition)
		if x.Op == token.LOR {
			c.emit(x.OpPos, not, 0)
		}
		shortcut := c.emit(x.OpPos, unless, 0)
		c.want(x.Y, c.value(x.Y), condition)
		end := c.emit(x.OpPos, jump, 0)
		c.here(shortcut)
		n := 0
		if x.Op == token.LOR {
			n = 1
		}
		c.emit(x.OpPos, push, n)
		c.here(end)
		return condition
	}
	right := c.value(x.Y)
	if left != right {
		c.fail(x.OpPos, "%s and %s do not go together", left, right)
	}
	c.emit(x.OpPos, binary, int(x.Op))
	switch x.Op {
	case token.EQL, token.NEQ:
		return condition
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		c.want(x.X, left, number)
		return condition
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM:
		c.want(x.X, left, number)
		return number
	}
	c.fail(x.OpPos, "the operator %s is not in the exercise", x.Op)
	return nothing
}

// call compiles a call of a word, and returns what that gives.
func (c *compiler) call(x *ast.CallExpr, o op) kind {
	name := dotted(x.Fun)
	i := slices.IndexFunc(c.code.language.words, func(w word) bool { return w.name == name })
	if i < 0 {
		if name == "" {
			c.fail(x.Pos(), "only these can be called: %s", c.names())
		}
		c.fail(x.Pos(), "there is no %s(); there are %s", name, c.names())
	}
	w := c.code.language.words[i]
	if len(x.Args) != len(w.args) {
		c.fail(x.Pos(), "%s has %d arguments, and wants %d: %s", name, len(x.Args), len(w.args), w.signature())
	}
	for j, a := range x.Args {
		c.want(a, c.value(a), w.args[j])
	}
	c.emit(x.Pos(), o, i)
	return w.gives
}
