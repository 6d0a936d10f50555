// Package rules holds the rules of the lab as analyzers, for go vet: what a
// model must be for a search to be right about it, and who may import whom.
//
// They are held to on every package that imports the lab's package sim, in this
// module or in another.
package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// All lists the rules.
var All = []*analysis.Analyzer{Imports, Liveness, Message, RawGo, SharedField, SharedVar}

const (
	module  = "racelab"
	simPath = module + "/sim"
)

// path is the import path of a package, that of its tests included.
func path(p *types.Package) string {
	name, _, _ := strings.Cut(p.Path(), " ") // "a [a.test]"
	return strings.TrimSuffix(name, "_test")
}

// isSim says whether a package is sim, or one below it.
func isSim(p *types.Package) bool {
	return p != nil && (path(p) == simPath || strings.HasPrefix(path(p), simPath+"/"))
}

func importsSim(p *types.Package) bool {
	return slices.ContainsFunc(p.Imports(), func(i *types.Package) bool { return i.Path() == simPath })
}

// isOfSim says whether a type is declared in sim, under one of the names if
// there are any.
func isOfSim(t types.Type, names ...string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && isSim(n.Obj().Pkg()) && (names == nil || slices.Contains(names, n.Obj().Name()))
}

// isToSim says whether a type is a pointer to one that is declared in sim.
func isToSim(t types.Type, names ...string) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && isOfSim(p.Elem(), names...)
}

func isTask(t types.Type) bool { return isToSim(t, "Task") }

// isTest says whether a file is one of tests, or the main program that go test makes.
func isTest(pass *analysis.Pass, f *ast.File) bool {
	return strings.HasSuffix(pass.Fset.File(f.Pos()).Name(), "_test.go") || strings.HasSuffix(pass.Pkg.Path(), ".test")
}

// called is the function or builtin that a call names; nil if it names none.
func called(info *types.Info, call *ast.CallExpr) types.Object {
	fun := ast.Unparen(call.Fun)
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	switch fun := fun.(type) {
	case *ast.Ident:
		return info.Uses[fun]
	case *ast.SelectorExpr:
		return info.Uses[fun.Sel]
	}
	return nil
}

// changes finds what a statement or a call changes: by an assignment, by a
// builtin, or through an address that it hands over. What is reached through a
// copy of a pointer stays unseen.
func changes(info *types.Info, n ast.Node, report func(how string, target ast.Expr)) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, left := range n.Lhs {
				report("assigns to", left)
			}
		}
	case *ast.IncDecStmt:
		report("assigns to", n.X)
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			for _, left := range []ast.Expr{n.Key, n.Value} {
				if left != nil {
					report("assigns to", left)
				}
			}
		}
	case *ast.CallExpr:
		for _, arg := range n.Args {
			if address, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok && address.Op == token.AND {
				report("hands over the address of", address.X)
			}
		}
		switch fun := called(info, n).(type) {
		case *types.Builtin:
			if slices.Contains([]string{"clear", "copy", "delete"}, fun.Name()) {
				report("calls "+fun.Name()+" on", n.Args[0])
			}
		case *types.Func:
			if method, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && takesAddress(info, method) {
				report("calls "+fun.Name()+" on the address of", method.X)
			}
		}
	}
}

// takesAddress says whether a method call takes the address of its receiver.
func takesAddress(info *types.Info, method *ast.SelectorExpr) bool {
	selection := info.Selections[method]
	if selection == nil || selection.Kind() != types.MethodVal {
		return false
	}
	_, wants := selection.Obj().(*types.Func).Signature().Recv().Type().Underlying().(*types.Pointer)
	_, has := info.TypeOf(method.X).Underlying().(*types.Pointer)
	return wants && !has
}

// root is the variable that an expression lies in, or is reached from; nil if
// there is none.
func root(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch inner := e.(type) {
		case *ast.ParenExpr:
			e = inner.X
		case *ast.IndexExpr:
			e = inner.X
		case *ast.SliceExpr:
			e = inner.X
		case *ast.StarExpr:
			e = inner.X
		case *ast.SelectorExpr:
			if _, isField := info.Selections[inner]; isField {
				e = inner.X
			} else {
				e = inner.Sel // A variable of another package.
			}
		case *ast.Ident:
			v, _ := info.ObjectOf(inner).(*types.Var)
			return v
		default:
			return nil
		}
	}
}
