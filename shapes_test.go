package racelab_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A task that is put back into a saved state gets its fields back, and nothing
// else: not its local variables, not its arguments, not half of an expression.
// The rules here refuse what would be older than the state. They see the order
// of the source and static calls, which is why they refuse a little more than
// they must.

// simPackage is where tasks park. In it, what a function needs after a point
// comes from the task's state; the rules are for those who call it.
const simPackage = module + "/sim"

// parks is the function that all parking goes through.
const parks = "(*" + simPackage + ".Task).wait"

var (
	clients    = []string{"sim/...", "model", "model/...", "scenarios"}
	notClients = []string{"sim", "sim/explore", "sim/view", testsOnly}
)

func isClient(path string) bool {
	return matchesAny(clients, path) && !slices.Contains(notClients, path)
}

// TestShapes checks that nothing outlives a point but fields.
func TestShapes(t *testing.T) {
	units := typed(t)
	points := pointsOf(units)
	for _, has := range []string{"(*racelab/sim.Task).Yield", "(*racelab/sim.Mutex).Lock", "(*racelab/sim.Conn).Receive",
		"(*racelab/sim.Conn).Read", "(*racelab/sim.Chan[T]).Receive", "(*racelab/sim.Task).Select", "(*racelab/sim.Cond).Wait",
		"(*racelab/model/group/sarama.goroutine).constructRequest", "(*racelab/model/group/sarama.Claim).Run"} {
		if !points[has] {
			t.Errorf("%s contains no point, as far as the rules see", has)
		}
	}
	for _, not := range []string{"(*racelab/sim.World).Take", "racelab/sim.Run", "(*racelab/sim.Conn).Send", "(*racelab/model/group/sarama.goroutine).send"} {
		if points[not] {
			t.Errorf("%s contains a point, as far as the rules see", not)
		}
	}
	for _, u := range units {
		if isClient(u.path) {
			for _, found := range u.shapes(points) {
				t.Error(found)
			}
		}
	}
}

// typed lists the packages of the tree as they are without their tests.
func typed(t *testing.T) []*unit {
	t.Helper()
	return slices.DeleteFunc(tree(t), func(u *unit) bool { return u.variant || u.info.Defs == nil })
}

// pointsOf finds the functions that contain a point, by their full names:
// those that park, and those that call one of them.
func pointsOf(units []*unit) map[string]bool {
	callers := map[string][]string{}
	found := []string{parks}
	for _, u := range units {
		if u.path != "sim" && !isClient(u.path) {
			continue
		}
		for _, f := range u.files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				name := u.info.Defs[fn.Name].(*types.Func).FullName()
				ownNodes(fn.Body, func(n ast.Node) {
					if call, ok := n.(*ast.CallExpr); ok {
						callee := u.fullName(called(call))
						callers[callee] = append(callers[callee], name)
						if u.path != "sim" && u.mayPark(call) {
							found = append(found, name)
						}
					}
				})
			}
		}
	}
	points := map[string]bool{}
	for len(found) > 0 {
		name := found[0]
		found = found[1:]
		if !points[name] {
			points[name] = true
			found = append(found, callers[name]...)
		}
	}
	return points
}

// ownNodes visits what a function executes itself, without what is in its
// function literals.
func ownNodes(body ast.Node, visit func(ast.Node)) {
	ast.Inspect(body, func(n ast.Node) bool {
		if n != nil {
			visit(n)
		}
		_, literal := n.(*ast.FuncLit)
		return !literal
	})
}

// mayPark says whether a call hands a task to a function that is not known
// before the program runs: a function value, or a method of an interface.
func (u *unit) mayPark(call *ast.CallExpr) bool {
	if u.info.Types[call.Fun].IsType() {
		return false // A conversion.
	}
	fun, ok := u.info.TypeOf(call.Fun).Underlying().(*types.Signature)
	if !ok {
		return false
	}
	if id := called(call); id != nil {
		if static, ok := u.info.Uses[id].(*types.Func); ok {
			if r := static.Signature().Recv(); r == nil || !types.IsInterface(r.Type()) {
				return false
			}
		}
	}
	for p := range fun.Params().Variables() {
		if isTask(p.Type()) {
			return true
		}
	}
	return false
}

func isTask(t types.Type) bool {
	p, ok := t.(*types.Pointer)
	return ok && isOfSim(p.Elem(), "Task")
}

func isOfSim(t types.Type, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == simPackage
}

// shapes finds what outlives a point.
func (u *unit) shapes(points map[string]bool) []string {
	var found []string
	say := func(at token.Pos, format string, args ...any) {
		found = append(found, u.finding(at, format, args...))
	}
	for _, f := range u.files {
		for _, d := range f.Decls {
			c := &code{unit: u, points: points, say: say, parent: map[ast.Node]ast.Node{}}
			c.fn, _ = d.(*ast.FuncDecl)
			c.read(d)
			c.literals(d)
			if c.fn != nil && len(c.calls) > 0 {
				c.signature()
				for _, point := range c.calls {
					c.statement(point)
					c.callee(point)
				}
				c.statements()
				c.locals()
			}
		}
	}
	return found
}

// code is one declaration under the rules.
type code struct {
	*unit
	points map[string]bool
	say    sayer
	fn     *ast.FuncDecl // nil: it declares something else
	parent map[ast.Node]ast.Node
	calls  []*ast.CallExpr // that are points of fn itself
}

func (c *code) read(d ast.Decl) {
	var stack []ast.Node
	ast.Inspect(d, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			c.parent[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		return true
	})
	if c.fn != nil && c.fn.Body != nil {
		c.calls = c.pointsIn(c.fn.Body)
	}
}

// pointsIn lists the points that a function executes itself, in their order.
func (c *code) pointsIn(body ast.Node) []*ast.CallExpr {
	var calls []*ast.CallExpr
	ownNodes(body, func(n ast.Node) {
		if call, ok := n.(*ast.CallExpr); ok && (c.mayPark(call) || c.points[c.fullName(called(call))]) {
			calls = append(calls, call)
		}
	})
	return calls
}

// line is for a finding that is about two places.
func (c *code) line(at token.Pos) int { return c.fset.Position(at).Line }

// literals finds function literals with a point, and functions with a point
// that are handed on with their task inside.
func (c *code) literals(d ast.Decl) {
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if inside := c.pointsIn(n.Body); len(inside) > 0 {
				c.say(inside[0].Pos(), "a point in a function literal; make it a method, whose receiver is the task's frame")
			}
		case *ast.SelectorExpr:
			selection := c.info.Selections[n]
			if selection == nil || selection.Kind() != types.MethodVal || !isTask(selection.Recv()) || !c.points[c.fullName(n.Sel)] {
				return true
			}
			if call, ok := c.parent[n].(*ast.CallExpr); !ok || call.Fun != n {
				c.say(n.Pos(), "%s without a call; call it here, or what calls it has a point that nobody sees", types.ExprString(n))
			}
		}
		return true
	})
}

// signature finds what a function with a point is handed and would keep.
func (c *code) signature() {
	if c.fn.Recv != nil {
		for _, r := range c.fn.Recv.List {
			if _, ok := c.info.TypeOf(r.Type).(*types.Pointer); !ok {
				c.say(r.Pos(), "%s contains a point, and its receiver is a copy; make it a pointer", c.fn.Name.Name)
			}
		}
	}
	for _, p := range c.fn.Type.Params.List {
		if t := c.info.TypeOf(p.Type); !isTask(t) && !isOfSim(t, "Point") {
			c.say(p.Pos(), "%s contains a point, and has a parameter of type %s; put it in a field before the call", c.fn.Name.Name, types.ExprString(p.Type))
		}
	}
}

// statement finds a point that is only part of a statement: what has been
// computed of the rest outlives it.
func (c *code) statement(point *ast.CallExpr) {
	var n ast.Node = point
	up := c.parent[n]
	for whole := true; whole; up = c.parent[n] {
		switch up := up.(type) {
		case *ast.ParenExpr:
			n = up
		case *ast.TypeAssertExpr:
			n = up
		default:
			whole = false
		}
	}
	const instead = "make it a statement of its own, or all of one assignment's right side"
	switch s := up.(type) {
	case *ast.ExprStmt:
		n = s
	case *ast.AssignStmt:
		if len(s.Rhs) > 1 {
			c.say(point.Pos(), "a point in a list of values; %s", instead)
		}
		if s.Tok != token.ASSIGN && s.Tok != token.DEFINE {
			c.say(point.Pos(), "a point on the right of %s, which reads the left side first; %s", s.Tok, instead)
		}
		for _, left := range s.Lhs {
			if _, ok := left.(*ast.Ident); !ok && !c.isWiring(left) {
				c.say(left.Pos(), "a point's result goes to %s, which may be looked up before the point; assign it to a local variable or to a field of the receiver, and then from there", types.ExprString(left))
			}
		}
		n = s
	case *ast.ValueSpec:
		if len(s.Values) > 1 {
			c.say(point.Pos(), "a point in a list of values; %s", instead)
		}
		return
	case *ast.GoStmt, *ast.DeferStmt:
		return // Found by statements.
	default:
		c.say(point.Pos(), "a point in %s; %s", place(up, n), instead)
		return
	}
	if loop, ok := c.parent[n].(*ast.ForStmt); ok {
		c.say(point.Pos(), "a point in %s; %s", place(loop, n), instead)
	}
}

// place names the part of a statement in which a point stands.
func place(up, n ast.Node) string {
	switch up := up.(type) {
	case *ast.CallExpr:
		if up.Fun != n {
			return "an argument"
		}
	case *ast.IfStmt, *ast.SwitchStmt, *ast.CaseClause:
		return "a condition"
	case *ast.ForStmt, *ast.RangeStmt:
		return "a loop's header"
	case *ast.ReturnStmt:
		return "a return"
	case *ast.CompositeLit, *ast.KeyValueExpr:
		return "a composite literal"
	case *ast.BinaryExpr:
		return "a binary expression"
	}
	return "a longer expression"
}

// callee finds what a call with a point hands on besides fields. What package
// sim is handed it does not keep.
func (c *code) callee(point *ast.CallExpr) {
	for _, arg := range point.Args {
		if t := c.info.TypeOf(arg); isOfSim(t, "Point") && c.info.Types[arg].Value == nil && !c.isParameter(arg) {
			c.say(arg.Pos(), "the point %s is no constant; name it in points.go", types.ExprString(arg))
		}
	}
	if fun, ok := c.info.Uses[called(point)].(*types.Func); ok && fun.Pkg() != nil && fun.Pkg().Path() == simPackage {
		return
	}
	if method, ok := ast.Unparen(point.Fun).(*ast.SelectorExpr); ok && c.info.Selections[method] != nil && !c.isWiring(method.X) {
		c.say(method.Pos(), "the receiver of %s is %s, found before a point and used after it; call it on what the receiver here is wired to, and let it look the rest up", method.Sel.Name, types.ExprString(method.X))
	}
}

// isWiring says whether an expression is the receiver, or a field of a field
// of it: pointers do not change once the world runs.
func (c *code) isWiring(e ast.Expr) bool {
	for {
		switch inner := e.(type) {
		case *ast.ParenExpr:
			e = inner.X
		case *ast.StarExpr:
			e = inner.X
		case *ast.UnaryExpr:
			if inner.Op != token.AND {
				return false
			}
			e = inner.X
		case *ast.SelectorExpr:
			e = inner.X
		case *ast.IndexExpr:
			if c.info.Types[inner.Index].Value == nil {
				return false
			}
			e = inner.X
		default:
			return c.isParameter(e)
		}
	}
}

// isParameter says whether an expression is the receiver or a parameter.
func (c *code) isParameter(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && c.info.Uses[id] != nil && c.isHanded(c.info.Uses[id])
}

func (c *code) isHanded(o types.Object) bool {
	in := func(list *ast.FieldList) bool {
		return list != nil && list.Pos() <= o.Pos() && o.Pos() < list.End()
	}
	return in(c.fn.Recv) || in(c.fn.Type.Params)
}

// statements finds statements that keep something of their own over a point,
// and those that the other rules could not see through.
func (c *code) statements() {
	name := c.fn.Name.Name
	ownNodes(c.fn.Body, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if len(c.pointsIn(n.Body)) > 0 {
				c.say(n.Pos(), "a range loop around a point; count in a field, as in for m.i = 0; m.i < len(m.list); m.i++")
			}
		case *ast.ForStmt:
			if declares(n.Init) && len(c.pointsIn(n)) > 0 {
				c.say(n.Pos(), "a loop around a point counts in a local variable; count in a field")
			}
		case *ast.DeferStmt:
			c.say(n.Pos(), "defer in %s, which contains a point; call it on each way out", name)
		case *ast.GoStmt:
			c.say(n.Pos(), "a go statement in %s, which contains a point; make it a task of the world", name)
		case *ast.SelectStmt:
			c.say(n.Pos(), "select in %s, which contains a point; wait with what package sim has", name)
		case *ast.BranchStmt:
			if n.Tok == token.GOTO {
				c.say(n.Pos(), "goto in %s, which contains a point; write a loop", name)
			}
		case *ast.SelectorExpr:
			method := c.info.Selections[n]
			call, isCall := c.parent[n].(*ast.CallExpr)
			if method != nil && method.Kind() == types.MethodVal && c.points[c.fullName(n.Sel)] && !(isCall && call.Fun == n) && !c.isWiring(n.X) {
				c.say(n.Pos(), "%s holds on to %s, in %s, which contains a point; call it on what the receiver here is wired to", types.ExprString(n), types.ExprString(n.X), name)
			}
		case *ast.FuncLit:
			if o := c.captured(n); o != nil && c.isKept(n) {
				c.say(n.Pos(), "a function literal that is kept captures %s, in %s, which contains a point; make it a method, and %s a field", o.Name(), name, o.Name())
			}
		case *ast.UnaryExpr:
			if o := c.local(n.X); n.Op == token.AND && o != nil && c.isKept(n) {
				c.say(n.Pos(), "the address of %s is kept, in %s, which contains a point; make %s a field", o.Name(), name, o.Name())
			}
		}
	})
}

func declares(init ast.Stmt) bool {
	assign, ok := init.(*ast.AssignStmt)
	return ok && assign.Tok == token.DEFINE
}

// captured is a local variable of the function that a literal uses.
func (c *code) captured(literal *ast.FuncLit) (captured types.Object) {
	ast.Inspect(literal, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			if o := c.local(e); o != nil && (o.Pos() < literal.Pos() || literal.End() <= o.Pos()) {
				captured = cmp.Or(captured, types.Object(o))
			}
		}
		return true
	})
	return captured
}

// isKept says whether a value might be used after the statement at hand, by
// other means than a local variable. The standard library and package sim keep
// nothing that they are handed.
func (c *code) isKept(e ast.Node) bool {
	up := c.parent[e]
	for paren, ok := up.(*ast.ParenExpr); ok; paren, ok = up.(*ast.ParenExpr) {
		e, up = paren, c.parent[paren]
	}
	switch up := up.(type) {
	case *ast.CallExpr:
		if up.Fun == e {
			return false
		}
		fun, ok := c.info.Uses[called(up)].(*types.Func)
		if !ok || fun.Pkg() == nil {
			return true
		}
		first, _, _ := strings.Cut(fun.Pkg().Path(), "/")
		return fun.Pkg().Path() != simPackage && (first == module || strings.Contains(first, "."))
	case *ast.AssignStmt:
		return slices.ContainsFunc(up.Lhs, func(left ast.Expr) bool { _, ok := left.(*ast.Ident); return !ok })
	case *ast.SelectorExpr, *ast.StarExpr, *ast.ValueSpec:
		return false
	}
	return true
}

// local is the local variable, or named result, that an expression is.
func (c *code) local(e ast.Expr) *types.Var {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	o, ok := c.info.Uses[id].(*types.Var)
	if !ok || o.IsField() || o.Pos() < c.fn.Pos() || c.fn.End() <= o.Pos() || c.isHanded(o) {
		return nil
	}
	return o
}

// set is a place where a local variable gets a value as a whole. Within scope,
// what comes after it finds that value, or a later one.
type set struct {
	at    ast.Node // the statement
	scope ast.Node
}

// locals finds local variables whose value is older than a point.
func (c *code) locals() {
	sets := map[*types.Var][]set{}
	targets := map[*ast.Ident]bool{}
	ast.Inspect(c.fn.Body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || assign.Tok != token.ASSIGN && assign.Tok != token.DEFINE {
			return true
		}
		for _, left := range assign.Lhs {
			if o := c.local(left); o != nil {
				targets[left.(*ast.Ident)] = true
				sets[o] = append(sets[o], set{assign, c.scope(assign)})
			} else if id, ok := left.(*ast.Ident); ok && c.info.Uses[id] != nil && c.isHanded(c.info.Uses[id]) {
				c.say(left.Pos(), "assigns to %s, in %s, which contains a point; it is handed over anew with each call, so keep what changes in a field", id.Name, c.fn.Name.Name)
			}
		}
		return true
	})
	said := map[*types.Var]bool{}
	use := func(at token.Pos, o *types.Var) {
		if said[o] {
			return
		}
		if what := c.carried(at, o, sets[o]); what != "" {
			said[o] = true
			c.say(at, "%s", what)
		}
	}
	ast.Inspect(c.fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if o := c.local(n); o != nil && !targets[n] && !c.isCounter(o) {
				use(n.Pos(), o)
			}
		case *ast.ReturnStmt:
			if c.fn.Type.Results == nil || n.Results != nil {
				return true
			}
			for _, field := range c.fn.Type.Results.List {
				for _, name := range field.Names {
					if o, ok := c.info.Defs[name].(*types.Var); ok && name.Name != "_" {
						use(n.Pos(), o)
					}
				}
			}
		}
		return true
	})
}

// scope is the statement or the block in which whatever comes after an
// assignment has passed it; nil if there is none.
func (c *code) scope(s ast.Node) ast.Node {
	up := c.parent[s]
	if loop, ok := up.(*ast.ForStmt); ok && loop.Post == s {
		return nil // It stands before the body, and happens after it.
	}
	for label, ok := up.(*ast.LabeledStmt); ok; label, ok = up.(*ast.LabeledStmt) {
		up = c.parent[label]
	}
	return up
}

// isCounter says whether the variable is declared by a for statement, which
// statements judges.
func (c *code) isCounter(o *types.Var) bool {
	found := false
	ownNodes(c.fn.Body, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.ForStmt:
			found = found || declares(n.Init) && contains(n.Init, o.Pos()) && len(c.pointsIn(n)) > 0
		case *ast.RangeStmt:
			found = found || n.Tok == token.DEFINE && n.Pos() < o.Pos() && o.Pos() < n.X.Pos() && len(c.pointsIn(n.Body)) > 0
		}
	})
	return found
}

func contains(n ast.Node, at token.Pos) bool { return n != nil && n.Pos() <= at && at < n.End() }

// carried says how the value that a use of a variable finds may be older than
// a point; empty if it cannot.
func (c *code) carried(at token.Pos, o *types.Var, sets []set) string {
	from, end := o.Pos(), c.declared(o)
	for _, s := range sets {
		if contains(s.scope, at) && s.at.End() <= at && s.at.End() > end {
			from, end = s.at.Pos(), s.at.End()
		}
	}
	field := "keep it in a field, or look it up again after the point"
	for _, point := range c.calls {
		if end < point.End() && point.End() <= at && !c.apart(point, at) {
			if method, ok := point.Fun.(*ast.SelectorExpr); ok && mentions(method.X, o.Name()) {
				field = "what it stands for may be another by then, so look it up again after the point"
			}
			return fmt.Sprintf("%s, set on line %d, outlives the point on line %d; %s", o.Name(), c.line(from), c.line(point.Pos()), field)
		}
	}
	for n := c.nodeAt(at); n != nil; n = c.parent[n] {
		loop, ok := n.(*ast.ForStmt)
		if !ok || loop.Init != nil && contains(loop.Init, at) || loop.Pos() <= from && (loop.Init == nil || !contains(loop.Init, from)) {
			continue
		}
		if inside := c.pointsIn(loop); len(inside) > 0 {
			return fmt.Sprintf("%s, set on line %d, outlives the point on line %d, which comes before it when the loop goes round; %s", o.Name(), c.line(from), c.line(inside[0].Pos()), field)
		}
	}
	return ""
}

// declared is the end of the variable's declaration.
func (c *code) declared(o *types.Var) token.Pos {
	for n := c.nodeAt(o.Pos()); n != nil; n = c.parent[n] {
		switch n := n.(type) {
		case *ast.AssignStmt, *ast.ValueSpec:
			return n.End()
		case ast.Stmt, *ast.FuncType:
			return o.Pos()
		}
	}
	return o.Pos()
}

// nodeAt is the innermost node at a position.
func (c *code) nodeAt(at token.Pos) (innermost ast.Node) {
	ast.Inspect(c.fn, func(n ast.Node) bool {
		if !contains(n, at) {
			return false
		}
		innermost = n
		return true
	})
	return innermost
}

// apart says whether a point and what follows it in the source are in
// branches of which only one is taken.
func (c *code) apart(point ast.Node, at token.Pos) bool {
	var below ast.Node
	for n := point; n != nil; below, n = n, c.parent[n] {
		if !contains(n, at) {
			continue
		}
		switch n := n.(type) {
		case *ast.IfStmt:
			return below == n.Body && contains(n.Else, at)
		case *ast.BlockStmt:
			clause, ok := below.(*ast.CaseClause)
			if !ok {
				return false
			}
			last, ok := lastOf(clause.Body).(*ast.BranchStmt)
			return !ok || last.Tok != token.FALLTHROUGH
		}
		return false
	}
	return false
}

func lastOf(list []ast.Stmt) ast.Stmt {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

func mentions(e ast.Expr, name string) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return true
	})
	return found
}

// withSim imports package sim as the tree has it.
type withSim struct{ sim *types.Package }

func (w withSim) Import(path string) (*types.Package, error) {
	if path == simPackage {
		return w.sim, nil
	}
	return standard.Import(path)
}

// planted makes a unit of texts, as if they were a package of clients.
func planted(t *testing.T, sim *types.Package, texts ...string) *unit {
	t.Helper()
	u := &unit{path: "model/group", fset: token.NewFileSet(), info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	for i, text := range texts {
		f, err := parser.ParseFile(u.fset, filepath.Join(u.path, string(rune('a'+i))+".go"), text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		u.files = append(u.files, f)
	}
	config := types.Config{Importer: withSim{sim}}
	if _, err := config.Check(module+"/"+u.path, u.fset, u.files, u.info); err != nil {
		t.Fatalf("%v in\n%s", err, texts[len(texts)-1])
	}
	return u
}

// frame is what the planted functions belong to.
const frame = `package group

import "racelab/sim"

type member struct {
	lock        sim.Mutex
	conn        *sim.Conn
	i, n        int
	generation  sim.Var[int]
	response    *response
	responses   []*response
	assignments []*assignment
	first       *assignment
	handler     handler
	hook        func()
	onRevoked   onRevoked
	lookUp      map[int]*response
}

type onRevoked func(t *sim.Task)

type handler interface{ consumeClaim(t *sim.Task) }

type response struct {
	n    int
	next *response
}

func (*response) Name() string   { return "" }
func (*response) String() string { return "" }

type assignment struct {
	lock  sim.Mutex
	dirty sim.Var[bool]
	n     int
}

func (a *assignment) revoke(t *sim.Task) { a.lock.Lock(t, "revoke") }
func (m *member) join(t *sim.Task)       { t.Yield("join") }
func (m *member) ask(t *sim.Task) int {
	m.join(t)
	return m.n
}
func (m *member) both(t *sim.Task) (int, bool) {
	m.join(t)
	return m.n, true
}
func (m *member) ready(t *sim.Task) bool {
	m.join(t)
	return true
}
func keep(func())       {}
func keepAddress(*int) {}
`

// Goal: each rule fires where it should. Method: what a text is found to do
// wrong, as LINE: MESSAGE, where line 1 is that of the text's first function.
func TestPlantedShapes(t *testing.T) {
	sim, points := simAndPoints(t)
	for _, test := range []struct {
		name, source string
		want         []string
	}{
		{"parameters", `
func (m *member) commit(t *sim.Task, offset int, at sim.Point) {
	t.Yield(at)
}
func commitAll(t *sim.Task, ms ...*member) { t.Yield("all") }`,
			[]string{"1: commit contains a point, and has a parameter of type int", "4: commitAll contains a point, and has a parameter of type ...*member"}},
		{"a parameter of who calls", `
func (m *member) inner(t *sim.Task) { m.join(t) }
func (m *member) outer(t *sim.Task, n int) { m.inner(t) }`,
			[]string{"2: outer contains a point, and has a parameter of type int"}},
		{"a receiver that is a copy", `
func (m assignment) run(t *sim.Task) { t.Yield("a") }`,
			[]string{"1: run contains a point, and its receiver is a copy"}},
		{"an assignment to what was handed over", `
func (m *member) run(t *sim.Task) {
	t.Yield("a")
	m = nil
}`,
			[]string{"3: assigns to m, in run"}},
		{"range around a point", `
func (m *member) run(t *sim.Task) {
	for range m.responses {
		m.join(t)
	}
	for m.i = range 3 {
		t.Yield("a")
	}
}`,
			[]string{"2: a range loop around a point", "5: a range loop around a point"}},
		{"a point that a loop ranges over", `
func (m *member) run(t *sim.Task) {
	for range m.ask(t) {
	}
}`,
			[]string{"2: a point in a loop's header"}},
		{"a counter that is local", `
func (m *member) run(t *sim.Task) {
	for i := 0; i < 3; i++ {
		m.responses[i] = nil
		m.join(t)
	}
}`,
			[]string{"2: a loop around a point counts in a local variable"}},
		{"a counter that is local, and declared before", `
func (m *member) run(t *sim.Task) {
	var i int
	for i = 0; i < 3; i++ {
		m.join(t)
	}
}`,
			[]string{"3: i, set on line 3, outlives the point on line 4, which comes before it when the loop goes round"}},
		{"a local variable", `
func (m *member) run(t *sim.Task) {
	n := m.n
	t.Yield("a")
	m.n = n + 1
}`,
			[]string{"4: n, set on line 2, outlives the point on line 3; keep it in a field"}},
		{"a local variable that is set in part", `
func (m *member) run(t *sim.Task) {
	var r response
	t.Yield("a")
	r.n = 1
}`,
			[]string{"4: r, set on line 2, outlives the point on line 3"}},
		{"a local variable that is set only perhaps", `
func (m *member) run(t *sim.Task) {
	n := 0
	t.Yield("a")
	if m.n > 0 {
		n = 1
	}
	m.n = n
}`,
			[]string{"7: n, set on line 2, outlives the point on line 3"}},
		{"a local variable of an if", `
func (m *member) run(t *sim.Task) {
	if n := m.n; n > 0 {
		t.Yield("a")
		m.n = n
	} else {
		m.n = -n
	}
}`,
			[]string{"4: n, set on line 2, outlives the point on line 3"}},
		{"a local variable that a literal uses", `
func (m *member) run(t *sim.Task) {
	n := m.n
	t.Yield("a")
	m.responses = slices.DeleteFunc(m.responses, func(r *response) bool { return r.n == n })
}`,
			[]string{"4: n, set on line 2, outlives the point on line 3"}},
		{"a named result", `
func (m *member) run(t *sim.Task) (n int, ok bool) {
	n = m.n
	t.Yield("a")
	ok = true
	return
}`,
			[]string{"5: n, set on line 2, outlives the point on line 3"}},
		{"the result of an earlier point", `
func (m *member) run(t *sim.Task) {
	response := m.conn.Receive(t, "a").(*response)
	t.Yield("b")
	m.n = response.n
}`,
			[]string{"4: response, set on line 2, outlives the point on line 3"}},
		{"a local variable around a loop", `
func (m *member) run(t *sim.Task) {
	n := 0
	for m.i < 3 {
		n++
		t.Yield("a")
	}
}`,
			[]string{"4: n, set on line 2, outlives the point on line 5, which comes before it when the loop goes round"}},
		{"a local variable in a loop's condition", `
func (m *member) run(t *sim.Task) {
	for last := m.n; m.i < last; m.i++ {
	}
	last := m.n
	for m.i < last {
		m.join(t)
		last = m.n
	}
}`,
			[]string{"5: last, set on line 4, outlives the point on line 6, which comes before it when the loop goes round"}},
		{"a local variable that a loop sets at its end", `
func (m *member) run(t *sim.Task) {
	n := m.n
	t.Yield("a")
	for ; m.i < 3; n = m.n {
		m.n = n
	}
}`,
			[]string{"5: n, set on line 2, outlives the point on line 3"}},
		{"a branch that falls through", `
func (m *member) run(t *sim.Task) {
	n := m.n
	switch {
	case m.i > 0:
		t.Yield("a")
		fallthrough
	default:
		m.n = n
	}
}`,
			[]string{"8: n, set on line 2, outlives the point on line 5"}},
		{"what the receiver of a lock stands for", `
func (m *member) run(t *sim.Task) {
	a := m.assignments[m.i]
	a.lock.Lock(t, "a")
	a.n++
	a.lock.Unlock(t)
}`,
			[]string{"4: a, set on line 2, outlives the point on line 3; what it stands for may be another"}},
		{"a receiver that is picked", `
func (m *member) run(t *sim.Task) {
	m.assignments[m.i].revoke(t)
	a := m.assignments[m.i]
	a.revoke(t)
	m.assignments[1].revoke(t)
}`,
			[]string{"2: the receiver of revoke is m.assignments[m.i]", "4: the receiver of revoke is a,"}},
		{"defer, go, select, goto", `
func (m *member) run(t *sim.Task) {
	m.lock.Lock(t, "a")
	defer m.lock.Unlock(t)
	go m.hook()
	select {}
again:
	if m.n > 0 {
		goto again
	}
}
func (m *member) leave(t *sim.Task) { defer m.join(t) }
func (m *member) start(t *sim.Task) { go m.join(t) }`,
			[]string{"3: defer in run", "4: a go statement in run", "5: select in run", "8: goto in run", "11: defer in leave", "12: a go statement in start"}},
		{"a point in a function literal", `
func (m *member) run(t *sim.Task) { m.hook = func() { t.Yield("a") } }
func (m *member) with(f onRevoked) {}
func (m *member) call(n int) { m.with(func(t *sim.Task) { m.join(t) }) }
var hook = func(t *sim.Task) { t.Yield("a") }`,
			[]string{"1: a point in a function literal", "3: a point in a function literal", "4: a point in a function literal"}},
		{"a point that is handed on", `
func (m *member) run(t *sim.Task) { m.with(t.Yield) }
func (m *member) with(func(sim.Point)) {}`,
			[]string{"1: t.Yield without a call"}},
		{"a method that is kept with its receiver", `
func (m *member) run(t *sim.Task) {
	f := m.assignments[m.i].revoke
	g, h := m.join, (*assignment).revoke
	f(t)
	m.onRevoked = m.first.revoke
	_, _ = g, h
}`,
			[]string{"2: m.assignments[m.i].revoke holds on to m.assignments[m.i]", "6: g, set on line 3, outlives", "6: h, set on line 3, outlives"}},
		{"a function literal that is kept", `
func (m *member) run(t *sim.Task) {
	n := m.n
	m.hook = func() { m.n = n }
	keep(func() { m.n = n })
	later := func() { m.n = n }
	t.Yield("a")
	later()
}`,
			[]string{"3: a function literal that is kept captures n", "4: a function literal that is kept captures n", "7: later, set on line 5, outlives the point on line 6"}},
		{"an address that is kept", `
func (m *member) run(t *sim.Task) {
	var r response
	m.response = &r
	n := 0
	keepAddress(&n)
	p := &n
	t.Yield("a")
	*p = 1
}`,
			[]string{"3: the address of r is kept", "5: the address of n is kept", "8: p, set on line 6, outlives the point on line 7"}},
		{"a point in the middle of a statement", `
func (m *member) run(t *sim.Task) int {
	if m.ask(t) > 0 {
	}
	for m.ask(t) > 0 {
	}
	for m.join(t); m.i < 3; m.join(t) {
	}
	m.n = m.n*1000 + m.ask(t)
	m.responses[m.ask(t)] = nil
	m.response = &response{n: m.ask(t)}
	m.n = -m.ask(t)
	m.n += m.ask(t)
	m.n, m.i = m.i, m.ask(t)
	m.n = max(3, m.ask(t))
	m.n = int(m.ask(t))
	m.response = m.conn.Receive(t, "a").(*response).next
	if m.ready(t) {
	}
	switch m.ask(t) {
	case m.ask(t):
	}
	return m.ask(t)
}`,
			[]string{"2: a point in a binary expression", "4: a point in a binary expression", "6: a point in a loop's header", "6: a point in a loop's header",
				"8: a point in a binary expression", "9: a point in a longer expression", "10: a point in a composite literal", "11: a point in a longer expression",
				"12: a point on the right of +=", "13: a point in a list of values", "14: a point in an argument", "15: a point in an argument",
				"16: a point in a longer expression", "17: a point in a condition", "19: a point in a condition", "20: a point in a condition", "22: a point in a return"}},
		{"a list of values", `
func (m *member) run(t *sim.Task) {
	var n, i = m.n, m.ask(t)
	m.n, m.i = n, i
}`,
			[]string{"2: a point in a list of values"}},
		{"a target that is looked up", `
func (m *member) run(t *sim.Task) {
	m.responses[m.i] = m.conn.Receive(t, "a").(*response)
	m.lookUp[0], m.n = m.conn.Receive(t, "a").(*response), 1
	m.responses[m.i].n, _ = m.both(t)
}`,
			[]string{"2: a point's result goes to m.responses[m.i], which", "3: a point in a list of values", "4: a point's result goes to m.responses[m.i].n, which"}},
		{"a point that is no constant", `
func (m *member) run(t *sim.Task) {
	p := sim.Point("a")
	t.Yield(p)
}`,
			[]string{"3: the point p is no constant"}},
		{"calls that nobody can follow", `
func (m *member) run(t *sim.Task, n int) { m.handler.consumeClaim(t) }
func (m *member) revoke(t *sim.Task, n int) { m.onRevoked(t) }`,
			[]string{"1: run contains a point, and has a parameter of type int", "2: revoke contains a point, and has a parameter of type int"}},
		{"good shapes", `
func (m *member) run(t *sim.Task) (err error) {
	for m.i = 0; m.i < len(m.assignments); m.i++ {
		m.assignments[m.i].lock.Lock(t, "a")
		a := m.assignments[m.i]
		if a.dirty.Get(t) {
			a.n++
		}
		a.lock.Unlock(t)
	}
	m.i = 0
	for m.n < 3 {
		m.step(t, "step")
		if m.n == 2 {
			break
		}
	}
	response := m.conn.Receive(t, "b").(*response)
	m.responses = append(m.responses, response)
	for i, r := range m.responses {
		m.n += i + r.n
	}
	m.onRevoked(t)
	m.handler.consumeClaim(t)
	return nil
}
func (m *member) step(t *sim.Task, p sim.Point) {
	t.Yield(p)
	m.n = m.ask(t)
	m.n, _ = m.both(t)
	m.first.n = m.ask(t)
	m.first.revoke(t)
	m.assignments[0].revoke(t)
	if n := m.ask(t); n > 0 {
		m.n = n
	}
	var n = m.ask(t)
	m.n = n
}
func (m *member) ways(t *sim.Task) (n int, err error) {
	n = m.n
	switch {
	case n > 3:
		t.Yield("a")
		n = m.n
	case n > 2:
		return n, nil
	default:
		m.n = n
	}
	if n, err = 3, nil; m.i > 0 {
		t.Yield("b")
	} else {
		m.n = n
	}
	n, err = 4, nil
	return
}
func (m *member) kinds(t *sim.Task) {
	switch r := m.conn.Receive(t, "a").(type) {
	case *response:
		m.n = r.n
	}
	var r *response
	for m.i < 3 {
		r = m.conn.Receive(t, "b").(*response)
		m.responses = slices.DeleteFunc(m.responses, func(other *response) bool { return other.n == r.n })
		m.i++
	}
}
func (m *member) noPoint(t *sim.Task, n int) int {
	defer m.lock.Unlock(t)
	for i := range n {
		n += i
	}
	m.hook = func() { m.n = n }
	return m.generation.Get(t) + n
}
func (m *member) calls(t *sim.Task) {
	m.n = m.noPoint(t, m.noPoint(t, 1)) + 1
	m.join(t)
}`,
			nil},
	} {
		u := planted(t, sim, frame, "package group; import (\"slices\"; \"racelab/sim\"); var _, _ = slices.Max[[]int], sim.Point(\"\"); "+strings.TrimSpace(test.source))
		var got []string
		for _, found := range u.shapes(pointsOf(append([]*unit{u}, points...))) {
			got = append(got, strings.TrimPrefix(found, "model/group/b.go:"))
		}
		if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
}

// simAndPoints is package sim, for plants that import it.
func simAndPoints(t *testing.T) (*types.Package, []*unit) {
	t.Helper()
	for _, u := range typed(t) {
		if u.path == "sim" {
			for _, o := range u.info.Defs {
				if o != nil && o.Pkg() != nil {
					return o.Pkg(), []*unit{u}
				}
			}
		}
	}
	t.Fatal("package sim is not in the tree")
	return nil, nil
}
