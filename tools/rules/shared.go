package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// SharedVar refuses plain variables that a task's function shares with others.
var SharedVar = &analysis.Analyzer{
	Name: "sharedvar",
	Doc: `refuse plain variables that a task's function shares

A function that is handed to World.Go or Task.Go runs again from its log, and
the world saves and loads what package sim knows. A variable of another type
that the function writes is neither: the search is wrong and does not notice.
So is one that it reads while a function literal beside it writes.`,
	Run: sharedVar,
}

// SharedField refuses plain fields that the functions of two tasks share.
var SharedField = &analysis.Analyzer{
	Name: "sharedfield",
	Doc: `refuse plain fields that two tasks' functions share

As sharedvar, for the fields of a variable whose methods are tasks, or are
called by tasks: one that two tasks reach, and one of them writes, must be of a
type of package sim. A task that is made in a loop counts as two.`,
	Run: sharedField,
}

// task is a function that is handed to a World, a Task or a Process, as a task.
type task struct {
	literal *ast.FuncLit  // nil: it is function
	method  ast.Expr      // a method value, or the name of a function
	in      *ast.FuncDecl // the function that makes it
	loop    ast.Node      // the innermost loop that makes it; nil: it is made once
}

// tasksOf lists the functions that a package makes tasks of.
func tasksOf(pass *analysis.Pass) []*task {
	var found []*task
	for _, f := range pass.Files {
		var stack []ast.Node
		ast.Inspect(f, func(n ast.Node) bool {
			if n == nil {
				stack = stack[:len(stack)-1]
				return true
			}
			stack = append(stack, n)
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := called(pass.TypesInfo, call).(*types.Func)
			if !ok || fun.Signature().Recv() == nil || !isToSim(fun.Signature().Recv().Type(), "World", "Task", "Process") {
				return true
			}
			for _, arg := range call.Args {
				s, ok := pass.TypesInfo.TypeOf(arg).Underlying().(*types.Signature)
				if !ok || s.Params().Len() == 0 || !isTask(s.Params().At(0).Type()) {
					continue
				}
				t := &task{method: ast.Unparen(arg)}
				t.literal, _ = t.method.(*ast.FuncLit)
				for _, up := range stack {
					switch up := up.(type) {
					case *ast.FuncDecl:
						t.in = up
					case *ast.ForStmt, *ast.RangeStmt:
						t.loop = up
					case *ast.FuncLit:
						t.loop = nil
					}
				}
				found = append(found, t)
			}
			return true
		})
	}
	return found
}

func contains(n ast.Node, at token.Pos) bool { return n.Pos() <= at && at < n.End() }

// outer is the variable that an expression lies in or is reached from, if that
// is declared outside of the literal and is none of package sim.
func outer(pass *analysis.Pass, literal ast.Node, e ast.Expr) *types.Var {
	if t := pass.TypesInfo.TypeOf(e); t == nil || isOfSim(t) || isToSim(t) {
		return nil
	}
	v := root(pass.TypesInfo, e)
	if v == nil || v.Name() == "_" || contains(literal, v.Pos()) {
		return nil
	}
	return v
}

func sharedVar(pass *analysis.Pass) (any, error) {
	tasks := tasksOf(pass)
	isOfTask := func(n ast.Node) bool {
		return slices.ContainsFunc(tasks, func(t *task) bool { return t.literal != nil && contains(t.literal, n.Pos()) })
	}
	written := map[*types.Var]*ast.FuncLit{} // by a function literal that is no task
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if literal, ok := n.(*ast.FuncLit); ok && !isOfTask(n) {
				ast.Inspect(literal, func(n ast.Node) bool {
					if n != nil && !isOfTask(n) {
						changes(pass.TypesInfo, n, func(_ string, target ast.Expr) {
							if v := outer(pass, literal, target); v != nil {
								written[v] = literal
							}
						})
					}
					return true
				})
			}
			return true
		})
	}
	for _, t := range tasks {
		if t.literal == nil {
			continue
		}
		seen := map[*types.Var]bool{}
		ast.Inspect(t.literal, func(n ast.Node) bool {
			if n == nil {
				return true
			}
			changes(pass.TypesInfo, n, func(how string, target ast.Expr) {
				if v := outer(pass, t.literal, target); v != nil {
					seen[v] = true
					pass.Reportf(target.Pos(), "a task's function %s %s, which is declared outside of it and is no memory of the world; make it a sim.Var, or a variable of the function",
						how, types.ExprString(target))
				}
			})
			if id, ok := n.(*ast.Ident); ok {
				if v, ok := pass.TypesInfo.Uses[id].(*types.Var); ok && !v.IsField() && !seen[v] && written[v] != nil && !contains(t.literal, v.Pos()) && !contains(written[v], id.Pos()) {
					seen[v] = true
					pass.Reportf(id.Pos(), "a task's function reads %s, and the function on line %d changes it; make it a sim.Var", v.Name(), pass.Fset.Position(written[v].Pos()).Line)
				}
			}
			return true
		})
	}
	return nil, nil
}

// access is a use of a plain field by a task.
type access struct {
	task  int
	write ast.Expr // nil: it reads
}

// owned is a field of a variable.
type owned struct {
	of    *types.Var
	field *types.Var
}

// fields is the uses of fields by tasks.
type fields struct {
	*analysis.Pass
	declared map[types.Object]*ast.FuncDecl
	uses     map[owned][]access
}

func sharedField(pass *analysis.Pass) (any, error) {
	f := &fields{pass, map[types.Object]*ast.FuncDecl{}, map[owned][]access{}}
	for _, file := range pass.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				f.declared[pass.TypesInfo.Defs[d.Name]] = d
			}
		}
	}
	number := 0
	for _, t := range tasksOf(pass) {
		copies := []bool{false}
		if t.loop != nil {
			copies = append(copies, true)
		}
		for _, second := range copies {
			isShared := func(v *types.Var) bool { return !second || !contains(t.loop, v.Pos()) }
			if t.literal != nil {
				f.read(t.literal.Body, number, func(v *types.Var) *types.Var {
					if contains(t.literal, v.Pos()) || !isShared(v) {
						return nil
					}
					return v
				}, map[*ast.FuncDecl]bool{}, true)
			} else if method, ok := t.method.(*ast.SelectorExpr); ok {
				if v := root(pass.TypesInfo, method.X); v != nil && isShared(v) {
					f.call(f.declared[pass.TypesInfo.Uses[method.Sel]], v, number, map[*ast.FuncDecl]bool{})
				}
			}
			number++
		}
	}
	f.report()
	return nil, nil
}

// call reads a method that a task calls on a variable.
func (f *fields) call(method *ast.FuncDecl, on *types.Var, task int, seen map[*ast.FuncDecl]bool) {
	if method == nil || method.Recv == nil || len(method.Recv.List[0].Names) == 0 || seen[method] {
		return
	}
	seen[method] = true
	receiver := f.TypesInfo.Defs[method.Recv.List[0].Names[0]]
	f.read(method.Body, task, func(v *types.Var) *types.Var {
		if v == receiver {
			return on
		}
		return nil
	}, seen, false)
}

// read notes the fields that a task uses there. Those that a literal writes
// are sharedvar's.
func (f *fields) read(body ast.Node, task int, stands func(*types.Var) *types.Var, seen map[*ast.FuncDecl]bool, literal bool) {
	variable := func(e ast.Expr) *types.Var {
		if v := root(f.TypesInfo, e); v != nil {
			return stands(v)
		}
		return nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			return true
		}
		changes(f.TypesInfo, n, func(_ string, target ast.Expr) {
			e := target
			for index, ok := e.(*ast.IndexExpr); ok; index, ok = e.(*ast.IndexExpr) {
				e = index.X
			}
			if s, ok := e.(*ast.SelectorExpr); ok && !literal {
				f.note(s, variable(s), access{task, target})
			}
		})
		if s, ok := n.(*ast.SelectorExpr); ok {
			f.note(s, variable(s), access{task, nil})
			if selection := f.TypesInfo.Selections[s]; selection != nil && selection.Kind() == types.MethodVal {
				if v := variable(s.X); v != nil {
					f.call(f.declared[selection.Obj()], v, task, seen)
				}
			}
		}
		return true
	})
}

func (f *fields) note(s *ast.SelectorExpr, of *types.Var, a access) {
	selection := f.TypesInfo.Selections[s]
	if of == nil || selection == nil || selection.Kind() != types.FieldVal {
		return
	}
	if t := element(selection.Type()); isOfSim(t) || isToSim(t) {
		return
	}
	field := owned{of, selection.Obj().(*types.Var)}
	f.uses[field] = append(f.uses[field], a)
}

// element is what arrays and slices of the type consist of.
func element(t types.Type) types.Type {
	for {
		switch under := t.Underlying().(type) {
		case *types.Array:
			t = under.Elem()
		case *types.Slice:
			t = under.Elem()
		default:
			return t
		}
	}
}

func (f *fields) report() {
	reported := map[ast.Expr]bool{}
	for field, uses := range f.uses {
		for _, w := range uses {
			if w.write != nil && !reported[w.write] && slices.ContainsFunc(uses, func(a access) bool { return a.task != w.task }) {
				reported[w.write] = true
				f.Reportf(w.write.Pos(), "%s is written here by the function of a task and used by that of another, and is no memory of the world; make %s a sim.Var",
					types.ExprString(w.write), field.field.Name())
			}
		}
	}
}
