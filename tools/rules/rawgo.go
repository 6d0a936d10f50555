package rules

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// RawGo refuses what a Chooser does not decide where a run must be a function
// of its choices. Runs that came out alike do not show it: an order of a map
// that leaks did so in 37 of 100 seeds.
var RawGo = &analysis.Analyzer{
	Name: "rawgo",
	Doc: `refuse what can make two runs of a model differ

In model code there is no go statement, channel, select or sync; no clock but
the world's; no math/rand; no os or net but in a main package; no range over a map; no init, and no
package variable that changes; no recover that does not panic again.

Model code is each package that, tests aside, has a function with a parameter
of type *sim.World, *sim.Task or sim.Envelope: that builds a world, is a task,
or is a node. In the lab itself, a list says which packages are under the rule.`,
	Run: rawGo,
}

// deterministic lists the lab's packages under the rule.
var deterministic = []string{"sim/...", simtest, "model/...", "properties", "scenario", "scenarios/..."}

// door is a way in for what a seed does not decide. Those in open may use it.
type door struct {
	names   string // of packages, or of functions as types.Func.FullName has them
	open    string // the lab's packages, or files of them
	instead string
}

const (
	noThreads = "a task is a coroutine of the world"
	noClock   = "the world has the only clock"
	noOrder   = "its order differs from run to run; sort the keys (slices.Sorted takes maps.Keys) or keep a slice"
	byCommand = "let the command do it and hand over the result"
	noGlobals = "state belongs to a world, and is handed over by whoever makes it"
)

// threads may hold go statements, select and channels. What the tables of races are
// computed from once has locks only.
const (
	threads = "sim/explore"
	tables  = " scenario/race.go scenarios/scenarios.go"
)

// hangs is who ends a process whose step does not end.
const hangs = "sim/explore/watch.go"

var closedPackages = []door{
	{"crypto/rand", "", "ask the Chooser"},
	{"math/rand math/rand/v2", "sim/chooser.go sim/explore", "ask the Chooser"},
	{"os/... io/ioutil net/... syscall", simtest + " " + hangs, byCommand},
	{"sync/...", threads + tables, noThreads},
	{"hash/maphash", "", "its seed differs from process to process; use a fixed hash"},
}

var closedFunctions = []door{
	{"time.Now time.Since time.Until time.Sleep time.After time.AfterFunc time.Tick time.NewTimer time.NewTicker", hangs, noClock},
	{"context.WithTimeout context.WithTimeoutCause context.WithDeadline context.WithDeadlineCause", "", noClock},
	{"maps.All maps.Keys maps.Values maps.DeleteFunc", "", noOrder},
	{"(reflect.Value).MapKeys (reflect.Value).MapRange (reflect.Value).Seq (reflect.Value).Seq2", "", noOrder},
	{"reflect.Select", "", noThreads},
}

func rawGo(pass *analysis.Pass) (any, error) {
	within, ok := ofLab(path(pass.Pkg))
	if ok && !matchesAny(deterministic, within) || !ok && !isModel(pass) {
		return nil, nil
	}
	for _, f := range withIgnored(pass) {
		if isTest(pass, f) {
			continue
		}
		file := pass.Fset.File(f.Pos()).Name()
		isOpen := func(d door) bool {
			return d.instead == byCommand && pass.Pkg.Name() == "main" || slices.ContainsFunc(strings.Fields(d.open), func(o string) bool { return o == within || strings.HasSuffix(file, "/"+o) })
		}
		for _, spec := range f.Imports {
			for _, d := range closedPackages {
				if matchesAny(strings.Fields(d.names), imported(spec)) && !isOpen(d) {
					pass.Reportf(spec.Pos(), "imports %s; %s", imported(spec), d.instead)
				}
			}
		}
		useOf(pass, f, isOpen)
		ast.Inspect(f, func(n ast.Node) bool {
			if within != threads {
				threading(pass, n)
			}
			mapRange(pass, n)
			recovering(pass, n)
			globals(pass, n)
			return true
		})
	}
	return nil, nil
}

// isModel says whether a package of somebody else is model code.
func isModel(pass *analysis.Pass) (found bool) {
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if fun, ok := n.(*ast.FuncType); ok && !isTest(pass, f) {
				for _, p := range fun.Params.List {
					t := pass.TypesInfo.TypeOf(p.Type)
					found = found || isToSim(t, "World", "Task") || isOfSim(t, "Envelope")
				}
			}
			return !found
		})
	}
	return found
}

// useOf finds closed functions, called or handed on.
func useOf(pass *analysis.Pass, f *ast.File, isOpen func(door) bool) {
	sorted := map[ast.Node]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && fullName(called(pass.TypesInfo, call)) == "slices.Sorted" {
			if inner, ok := ast.Unparen(call.Args[0]).(*ast.CallExpr); ok {
				sorted[ast.Unparen(inner.Fun)] = true
			}
		}
		id, ok := n.(*ast.Ident)
		if !ok {
			return !sorted[n]
		}
		name := fullName(pass.TypesInfo.Uses[id])
		for _, d := range closedFunctions {
			if slices.Contains(strings.Fields(d.names), name) && !isOpen(d) {
				pass.Reportf(id.Pos(), "uses %s; %s", name, d.instead)
			}
		}
		// What New returns has a seed; the functions beside it share one that nobody set.
		for _, pkg := range []string{"math/rand.", "math/rand/v2."} {
			if function, ok := strings.CutPrefix(name, pkg); ok && !strings.HasPrefix(function, "New") {
				pass.Reportf(id.Pos(), "uses %s, which has no seed of ours; draw from a rand.New", name)
			}
		}
		return true
	})
}

func fullName(o types.Object) string {
	if fun, ok := o.(*types.Func); ok {
		return fun.Origin().FullName()
	}
	return ""
}

// threading finds threads and what they talk through.
func threading(pass *analysis.Pass, n ast.Node) {
	what := ""
	switch n := n.(type) {
	case *ast.GoStmt:
		what = "a go statement"
	case *ast.SelectStmt:
		what = "a select"
	case *ast.ChanType:
		what = "a channel"
	case *ast.SendStmt:
		what = "a send on a channel"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			what = "a receive from a channel"
		}
	}
	if what != "" {
		pass.Reportf(n.Pos(), "%s; %s", what, noThreads)
	}
}

// mapRange finds loops over maps, those of a type parameter included.
func mapRange(pass *analysis.Pass, n ast.Node) {
	if loop, ok := n.(*ast.RangeStmt); ok && mayBeMap(pass.TypesInfo.TypeOf(loop.X)) {
		pass.Reportf(loop.Pos(), "range over a map; %s", noOrder)
	}
}

func mayBeMap(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface: // of a type parameter
		return slices.ContainsFunc(slices.Collect(t.EmbeddedTypes()), mayBeMap)
	case *types.Union:
		return slices.ContainsFunc(slices.Collect(t.Terms()), func(term *types.Term) bool { return mayBeMap(term.Type()) })
	}
	return false
}

// recovering finds functions that recover and do not panic again: a task that
// is no longer needed is unwound by a panic.
func recovering(pass *analysis.Pass, n ast.Node) {
	var body *ast.BlockStmt
	switch n := n.(type) {
	case *ast.FuncDecl:
		body = n.Body
	case *ast.FuncLit:
		body = n.Body
	}
	if body == nil || isSim(pass.Pkg) {
		return
	}
	var recovers *ast.CallExpr
	panics := false
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if builtin, ok := called(pass.TypesInfo, call).(*types.Builtin); ok && builtin.Name() == "recover" {
				recovers = call
			} else if ok && builtin.Name() == "panic" {
				panics = true
			}
		}
		_, literal := n.(*ast.FuncLit)
		return !literal
	})
	if recovers != nil && !panics {
		pass.Reportf(recovers.Pos(), "recovers and does not panic again; a task that is no longer needed is unwound by a panic")
	}
}

// globals finds init functions, and package variables that change.
func globals(pass *analysis.Pass, n ast.Node) {
	if d, ok := n.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
		pass.Reportf(d.Pos(), "func init; let whoever needs it call a function")
	}
	changes(pass.TypesInfo, n, func(how string, target ast.Expr) {
		if v := root(pass.TypesInfo, target); v != nil && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			pass.Reportf(target.Pos(), "%s the package variable %s; %s", how, v.Name(), noGlobals)
		}
	})
}
