package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// Message refuses changes of what has been sent.
var Message = &analysis.Analyzer{
	Name: "message",
	Doc: `refuse changes of a message that has been sent

What is sent is on its way until it is received, and a connection does not copy
it. So a variable that was sent by its address, and what a sent variable points
to, may not be changed later in the same function.`,
	Run: message,
}

// sends lists the functions and methods of package sim that send.
var sends = []string{"Call", "Reply", "Send"}

// sent is a variable that is sent, or whose address is.
type sent struct {
	*types.Var
	at      *ast.CallExpr
	address bool
}

func message(pass *analysis.Pass) (any, error) {
	for _, f := range pass.Files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil && importsSim(pass.Pkg) && !isSim(pass.Pkg) {
				messages(pass, d.Body)
			}
		}
	}
	return nil, nil
}

func messages(pass *analysis.Pass, body ast.Node) {
	var all []sent
	assigned := map[*types.Var][]token.Pos{} // as a whole
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fun, ok := called(pass.TypesInfo, call).(*types.Func); ok && isSim(fun.Pkg()) && slices.Contains(sends, fun.Name()) {
				for _, arg := range call.Args {
					arg = ast.Unparen(arg)
					address, isAddress := arg.(*ast.UnaryExpr)
					if isAddress && address.Op == token.AND {
						arg = address.X
					}
					if id, ok := arg.(*ast.Ident); ok {
						if v, ok := pass.TypesInfo.Uses[id].(*types.Var); ok && !isOfSim(v.Type()) && !isToSim(v.Type()) {
							all = append(all, sent{v, call, isAddress})
						}
					}
				}
			}
		}
		if n, ok := n.(*ast.AssignStmt); ok {
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok {
					if v, ok := pass.TypesInfo.ObjectOf(id).(*types.Var); ok {
						assigned[v] = append(assigned[v], id.Pos())
					}
				}
			}
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			return true
		}
		changes(pass.TypesInfo, n, func(_ string, target ast.Expr) {
			v := root(pass.TypesInfo, target)
			for _, s := range all {
				isNew := slices.ContainsFunc(assigned[v], func(at token.Pos) bool { return s.at.End() <= at && at < target.Pos() })
				if s.Var == v && s.at.End() <= target.Pos() && !isNew && (s.address || isReached(pass, target)) {
					pass.Reportf(target.Pos(), "%s is changed after it was sent on line %d; send a copy, or make another", types.ExprString(target), pass.Fset.Position(s.at.Pos()).Line)
					return
				}
			}
		})
		return true
	})
}

// isReached says whether an expression goes through a pointer, a map or a
// slice: a copy of the variable has the same.
func isReached(pass *analysis.Pass, e ast.Expr) bool {
	for {
		var x ast.Expr
		switch e := e.(type) {
		case *ast.ParenExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.StarExpr:
			return true
		default:
			return false
		}
		switch pass.TypesInfo.TypeOf(x).Underlying().(type) {
		case *types.Pointer, *types.Map, *types.Slice:
			return true
		}
		e = x
	}
}
