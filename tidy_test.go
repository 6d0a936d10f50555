// Package racelab_test holds the rules of the tree: who may import whom, and
// that nothing but a Chooser decides what a run does.
package racelab_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "racelab"

// importRule says what a package may import besides the standard library. In a
// pattern, /... stands for the package and all below it, and /* for what lies
// directly below. No pattern reaches testsOnly: it must be named.
type importRule struct {
	of    string
	may   []string
	tests []string // in its _test.go files, besides
}

// testsOnly is for tests of what stands on sim.
const testsOnly = "sim/simtest"

var importRules = []importRule{
	{of: ".", tests: []string{"golang.org/x/tools/go/packages"}},
	{of: "cmd/simrun",
		may: []string{"figures", "sweeps", "scenarios", "properties", "model/...", "sim/...",
			"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8/...", "golang.org/x/term"}},
	{of: "figures", may: []string{"sweeps", "gonum.org/v1/...", "golang.org/x/image/font"}},
	{of: "sweeps", may: []string{"scenarios", "model/...", "sim/...", "gonum.org/v1/gonum/..."}, tests: []string{testsOnly, rapid}},
	{of: "scenarios", may: []string{"properties", "model/...", "sim/..."}, tests: []string{testsOnly, rapid, "github.com/cockroachdb/datadriven"}},
	{of: "properties", may: []string{"sim", "model", "github.com/anishathalye/porcupine"},
		tests: []string{"scenarios", "sim/explore", testsOnly, rapid}},
	{of: "model/app", may: []string{"sim", "model", "model/producer", "model/group"}, tests: []string{testsOnly, rapid}},
	{of: "model/producer/*", may: []string{"sim", "model", "model/producer"}, tests: []string{testsOnly, rapid}},
	{of: "model/group/*", may: []string{"sim", "model", "model/group"}, tests: []string{testsOnly, rapid}},
	{of: "model/*", may: []string{"sim", "model"}, tests: []string{testsOnly, rapid}},
	{of: "model", tests: []string{rapid}},
	{of: "sim", tests: []string{"sim/explore", testsOnly, rapid}},
	{of: "sim/explore", may: []string{"sim"}, tests: []string{testsOnly, rapid}},
	{of: "sim/view", may: []string{"sim", "sim/explore"}, tests: []string{testsOnly, rapid}},
	{of: testsOnly, may: []string{"sim", "sim/explore", rapid}},
}

const rapid = "pgregory.net/rapid"

// deterministic lists the packages in which a run must be a function of its
// choices, tests aside.
var deterministic = []string{"sim/...", testsOnly, "model/...", "properties", "scenarios"}

// door is a way in for what a seed does not decide. Those in open may use it.
type door struct {
	names   []string // of packages, or of functions as types.Func.FullName has them
	open    []string // packages, or files
	instead string
}

const (
	noThreads = "a task is a coroutine of the world, and only sim/explore has workers"
	noClock   = "the world has the only clock"
	noOrder   = "its order differs from run to run; sort the keys (slices.Sorted takes maps.Keys) or keep a slice"
)

var closedPackages = []door{
	{[]string{"crypto/rand"}, nil, "ask the Chooser"},
	{[]string{"math/rand", "math/rand/v2"}, []string{"sim/chooser.go", "sim/explore"}, "ask the Chooser"},
	{[]string{"os/...", "io/ioutil", "net/...", "syscall"}, []string{testsOnly}, "let cmd/simrun do it and hand over the result"},
	{[]string{"sync/..."}, []string{"sim/explore"}, noThreads},
	{[]string{"hash/maphash"}, nil, "its seed differs from process to process; use a fixed hash"},
}

var closedFunctions = []door{
	{[]string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.AfterFunc", "time.Tick", "time.NewTimer", "time.NewTicker"}, nil, noClock},
	{[]string{"context.WithTimeout", "context.WithTimeoutCause", "context.WithDeadline", "context.WithDeadlineCause"}, nil, noClock},
	{[]string{"maps.All", "maps.Keys", "maps.Values", "maps.DeleteFunc"}, nil, noOrder},
	{[]string{"(reflect.Value).MapKeys", "(reflect.Value).MapRange", "(reflect.Value).Seq", "(reflect.Value).Seq2"}, nil, noOrder},
	{[]string{"reflect.Select"}, nil, noThreads},
}

// threads may hold go statements, select and channels.
const threads = "sim/explore"

// TestImports checks importRules against every file of the tree.
func TestImports(t *testing.T) {
	for _, u := range tree(t) {
		for _, found := range u.imports() {
			t.Error(found)
		}
	}
}

// TestOneDoorForNondeterminism checks that nothing but a Chooser can make two
// runs differ. Runs that came out alike do not show it: an order of a map that
// leaks did so in 37 of 100 seeds.
func TestOneDoorForNondeterminism(t *testing.T) {
	seen := 0
	for _, u := range tree(t) {
		if u.variant || !matchesAny(deterministic, u.path) {
			continue
		}
		seen++
		for _, found := range u.doors() {
			t.Error(found)
		}
	}
	if seen < len(deterministic) {
		t.Errorf("%d packages are under the rule, want at least %d: do the patterns still fit the tree?", seen, len(deterministic))
	}
}

// unit is a package as the rules see it.
type unit struct {
	path    string // "sim/explore"
	variant bool   // it is the package once more, with its tests
	fset    *token.FileSet
	files   []*ast.File
	info    *types.Info
}

// tree loads the main module.
func tree(t *testing.T) []*unit {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedForTest | packages.NeedFiles | packages.NeedImports |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedTypesSizes,
		Tests: true,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	var units []*unit
	read := map[string]bool{}
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Fatalf("the tree does not load: %v", e)
		}
		if strings.HasSuffix(p.PkgPath, ".test") {
			continue // The main package that go test writes.
		}
		u := &unit{path: local(strings.TrimSuffix(p.PkgPath, "_test")), variant: p.ForTest != "", fset: p.Fset, files: p.Syntax, info: p.TypesInfo}
		units = append(units, u)
		for _, f := range u.files {
			read[u.file(f.Pos())] = true
		}
	}
	return append(units, hidden(t, read)...)
}

// hidden makes a unit of each Go file that a build constraint keeps from being
// loaded. That it opens every directory also tells go test what the result
// depends on: a new file is not taken for a cached success.
func hidden(t *testing.T, read map[string]bool) []*unit {
	t.Helper()
	var units []*unit
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != "." {
			ofAnotherModule, _ := filepath.Glob(filepath.Join(path, "go.mod"))
			if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || ofAnotherModule != nil {
				return fs.SkipDir
			}
		}
		if strings.HasSuffix(path, ".go") && !read[filepath.ToSlash(path)] {
			u := parsed(t, filepath.ToSlash(path), nil)
			_ = u.check() // The rest of its package is missing, so types of its own may be unknown.
			units = append(units, u)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return units
}

// parsed makes a unit of a file, or of a text as if it stood in the file.
func parsed(t *testing.T, file string, text any) *unit {
	t.Helper()
	u := &unit{path: filepath.ToSlash(filepath.Dir(file)), fset: token.NewFileSet()}
	f, err := parser.ParseFile(u.fset, file, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	u.files = []*ast.File{f}
	return u
}

// standard reads the standard library from its source, as it is without cgo: a
// C compiler may be missing.
var standard = func() types.Importer {
	build.Default.CgoEnabled = false
	return importer.ForCompiler(token.NewFileSet(), "source", nil)
}()

// check finds the types of a unit that imports the standard library only, and
// returns the first error of many.
func (u *unit) check() (err error) {
	u.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Importer: standard, FakeImportC: true, Error: func(e error) { err = cmp.Or(err, e) }}
	_, _ = config.Check(u.path, u.fset, u.files, u.info)
	return err
}

// local is an import path without the module's name; the root is ".".
func local(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// matches says whether the pattern stands for the path.
func matches(pattern, path string) bool {
	if pattern == path {
		return true
	}
	if path == testsOnly {
		return false
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	if above, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, ok := strings.CutPrefix(path, above+"/")
		return ok && !strings.Contains(rest, "/")
	}
	return false
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// file is the path of the file that holds the position.
func (u *unit) file(at token.Pos) string {
	name := u.fset.Position(at).Filename
	if here, err := filepath.Abs("."); err == nil && filepath.IsAbs(name) {
		if inTree, err := filepath.Rel(here, name); err == nil {
			name = inTree
		}
	}
	return filepath.ToSlash(name)
}

// finding says where, what was found, and what to do instead.
func (u *unit) finding(at token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", u.file(at), u.fset.Position(at).Line) + fmt.Sprintf(format, args...)
}

// imports finds what breaks the package's importRule.
func (u *unit) imports() []string {
	at := slices.IndexFunc(importRules, func(r importRule) bool { return matches(r.of, u.path) })
	if at < 0 {
		return []string{u.finding(u.files[0].Package, "package %s is in no row of importRules; say there what it may import", u.path)}
	}
	rule := importRules[at]
	var found []string
	for _, f := range u.files {
		isTest := strings.HasSuffix(u.file(f.Pos()), "_test.go")
		if u.variant && !isTest {
			continue // Seen in the package without its tests.
		}
		may, who := rule.may, u.path
		if isTest {
			may, who = slices.Concat(rule.may, rule.tests, []string{u.path}), "a test of "+u.path
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			first, _, _ := strings.Cut(path, "/")
			ours := first == module
			if path == "C" || (ours || strings.Contains(first, ".")) && !matchesAny(may, local(path)) {
				found = append(found, u.finding(spec.Pos(), "%s imports %s; want none but %s", who, path, orNone(may)))
			}
		}
	}
	return found
}

func orNone(patterns []string) string {
	if len(patterns) == 0 {
		return "the standard library"
	}
	return strings.Join(patterns, ", ")
}

// doors finds what a seed does not decide.
func (u *unit) doors() []string {
	var found []string
	for _, f := range u.files {
		file := u.file(f.Pos())
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		say := func(at token.Pos, format string, args ...any) {
			found = append(found, u.finding(at, format, args...))
		}
		isOpen := func(d door) bool { return slices.Contains(d.open, u.path) || slices.Contains(d.open, file) }
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			for _, d := range closedPackages {
				if matchesAny(d.names, path) && !isOpen(d) {
					say(spec.Pos(), "imports %s; %s", path, d.instead)
				}
			}
		}
		u.calls(f, isOpen, say)
		if u.path != threads {
			u.statements(f, say)
		}
		u.mapRanges(f, say)
		u.variables(f, say)
	}
	return found
}

type sayer func(at token.Pos, format string, args ...any)

// calls finds uses of closed functions, called or passed on.
func (u *unit) calls(f *ast.File, isOpen func(door) bool, say sayer) {
	sorted := map[*ast.Ident]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && u.fullName(called(call)) == "slices.Sorted" {
			if inner, ok := ast.Unparen(call.Args[0]).(*ast.CallExpr); ok {
				sorted[called(inner)] = true
			}
		}
		id, ok := n.(*ast.Ident)
		if !ok || sorted[id] {
			return true
		}
		name := u.fullName(id)
		for _, d := range closedFunctions {
			if slices.Contains(d.names, name) && !isOpen(d) {
				say(id.Pos(), "uses %s; %s", name, d.instead)
			}
		}
		// What New returns has a seed; the functions beside it share one that nobody set.
		for _, pkg := range []string{"math/rand.", "math/rand/v2."} {
			if function, ok := strings.CutPrefix(name, pkg); ok && !strings.HasPrefix(function, "New") {
				say(id.Pos(), "uses %s, which has no seed of ours; draw from a rand.New", name)
			}
		}
		return true
	})
}

// called is the name that a call calls; nil if it has none.
func called(call *ast.CallExpr) *ast.Ident {
	fun := ast.Unparen(call.Fun)
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun
	case *ast.SelectorExpr:
		return fun.Sel
	}
	return nil
}

// fullName is the name of the function that an identifier stands for, if any.
func (u *unit) fullName(id *ast.Ident) string {
	if fun, ok := u.info.Uses[id].(*types.Func); ok {
		return fun.Origin().FullName()
	}
	return ""
}

// statements finds threads and what they talk through.
func (u *unit) statements(f *ast.File, say sayer) {
	ast.Inspect(f, func(n ast.Node) bool {
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
			say(n.Pos(), "%s; %s", what, noThreads)
		}
		return true
	})
}

// mapRanges finds loops over maps, those of a type parameter included.
func (u *unit) mapRanges(f *ast.File, say sayer) {
	ast.Inspect(f, func(n ast.Node) bool {
		loop, ok := n.(*ast.RangeStmt)
		if !ok {
			return true
		}
		if t := u.info.TypeOf(loop.X); t != nil && mayBeMap(t) {
			say(loop.Pos(), "range over a map; %s", noOrder)
		}
		return true
	})
}

func mayBeMap(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface: // of a type parameter
		for embedded := range t.EmbeddedTypes() {
			if mayBeMap(embedded) {
				return true
			}
		}
	case *types.Union:
		for term := range t.Terms() {
			if mayBeMap(term.Type()) {
				return true
			}
		}
	}
	return false
}

const noGlobals = "state belongs to a world, and is handed over by whoever makes it"

// variables finds init functions, and package variables that change: by an
// assignment, by a builtin, or through their address in a call. What is
// reached through a copy of a pointer stays unseen.
func (u *unit) variables(f *ast.File, say sayer) {
	global := func(e ast.Expr) string {
		if v := u.global(e); v != nil {
			return v.Name()
		}
		return ""
	}
	changes := func(how string, targets ...ast.Expr) {
		for _, target := range targets {
			if name := global(target); name != "" {
				say(target.Pos(), "%s the package variable %s; %s", how, name, noGlobals)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				say(n.Pos(), "func init; let whoever needs it call a function")
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				changes("assigns to", n.Lhs...)
			}
		case *ast.IncDecStmt:
			changes("assigns to", n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				changes("assigns to", n.Key, n.Value)
			}
		case *ast.CallExpr:
			for _, arg := range n.Args {
				if address, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok && address.Op == token.AND {
					changes("hands over the address of", address.X)
				}
			}
			id := called(n)
			if id == nil {
				return true
			}
			if builtin, ok := u.info.Uses[id].(*types.Builtin); ok && slices.Contains([]string{"clear", "copy", "delete"}, builtin.Name()) {
				changes("calls "+builtin.Name()+" on", n.Args[0])
			}
			if method, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && u.takesAddress(method) {
				changes("calls "+id.Name+" on the address of", method.X)
			}
		}
		return true
	})
}

// global is the package variable that an expression lies in; nil if in none.
func (u *unit) global(e ast.Expr) *types.Var {
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
			if _, isField := u.info.Selections[inner]; isField {
				e = inner.X
			} else {
				e = inner.Sel // A variable of another package.
			}
		case *ast.Ident:
			v, ok := u.info.Uses[inner].(*types.Var)
			if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}

// takesAddress says whether a method call takes the address of its receiver.
func (u *unit) takesAddress(method *ast.SelectorExpr) bool {
	selection := u.info.Selections[method]
	if selection == nil || selection.Kind() != types.MethodVal {
		return false
	}
	receiver := selection.Obj().(*types.Func).Signature().Recv().Type()
	_, wants := receiver.Underlying().(*types.Pointer)
	_, has := u.info.TypeOf(method.X).Underlying().(*types.Pointer)
	return wants && !has
}

// Goal: importRules says what it should, and a file that breaks it is found.
func TestPlantedImports(t *testing.T) {
	for _, test := range []struct{ file, imports, want string }{
		{"sim/x.go", "fmt", ""},
		{"sim/x.go", "racelab/model", "sim imports racelab/model; want none but the standard library"},
		{"sim/x.go", "racelab/sim/explore", "sim imports racelab/sim/explore; want none but the standard library"},
		{"sim/x.go", rapid, "sim imports pgregory.net/rapid; want none but the standard library"},
		{"sim/x_test.go", rapid, ""},
		{"sim/x.go", "C", "sim imports C; want none but the standard library"},
		{"sim/explore/x.go", "racelab/sim", ""},
		{"sim/explore/x.go", "racelab/sim/view", "sim/explore imports racelab/sim/view; want none but sim"},
		{"sim/view/x.go", "racelab/sim/explore", ""},
		{"sim/view/x.go", "racelab/scenarios", "sim/view imports racelab/scenarios; want none but sim, sim/explore"},
		{"sim/simtest/x.go", rapid, ""},
		{"sim/simtest/x.go", "racelab/sim/view", "sim/simtest imports racelab/sim/view; want none but sim, sim/explore, pgregory.net/rapid"},
		{"model/x.go", "racelab/sim", "model imports racelab/sim; want none but the standard library"},
		{"model/group/x.go", "racelab/model", ""},
		{"model/group/x.go", "racelab/model/coordinator", "model/group imports racelab/model/coordinator; want none but sim, model"},
		{"model/group/x.go", "racelab/sim/explore", "model/group imports racelab/sim/explore; want none but sim, model"},
		{"model/group/x_test.go", "racelab/model/group", ""},
		{"model/group/x_test.go", "racelab/model/coordinator",
			"a test of model/group imports racelab/model/coordinator; want none but sim, model, sim/simtest, pgregory.net/rapid, model/group"},
		{"model/group/sarama/x.go", "racelab/model/group", ""},
		{"model/group/sarama/x.go", "racelab/model/group/kgo", "model/group/sarama imports racelab/model/group/kgo; want none but sim, model, model/group"},
		{"model/group/sarama/x.go", "racelab/model/producer", "model/group/sarama imports racelab/model/producer; want none but sim, model, model/group"},
		{"model/producer/kgo/x.go", "racelab/model/producer", ""},
		{"model/producer/kgo/x.go", "racelab/model/producer/sarama", "model/producer/kgo imports racelab/model/producer/sarama; want none but sim, model, model/producer"},
		{"model/app/x.go", "racelab/model/producer", ""},
		{"model/app/x.go", "racelab/model/producer/kgo", "model/app imports racelab/model/producer/kgo; want none but sim, model, model/producer, model/group"},
		{"properties/x.go", "github.com/anishathalye/porcupine", ""},
		{"properties/x.go", "racelab/model/group", "properties imports racelab/model/group; want none but sim, model, github.com/anishathalye/porcupine"},
		{"properties/x.go", "racelab/scenarios", "properties imports racelab/scenarios; want none but sim, model, github.com/anishathalye/porcupine"},
		{"properties/x_test.go", "racelab/scenarios", ""},
		{"scenarios/x.go", "racelab/model/group", ""},
		{"scenarios/x.go", "racelab/sim/view", ""},
		{"scenarios/x.go", "racelab/sim/simtest", "scenarios imports racelab/sim/simtest; want none but properties, model/..., sim/..."},
		{"scenarios/x_test.go", "racelab/sim/simtest", ""},
		{"sweeps/x.go", "racelab/scenarios", ""},
		{"sweeps/x.go", "racelab/model/group", ""},
		{"sweeps/x.go", "racelab/properties", "sweeps imports racelab/properties; want none but scenarios, model/..., sim/..., gonum.org/v1/gonum/..."},
		{"figures/x.go", "gonum.org/v1/plot/vg", ""},
		{"figures/x.go", "racelab/scenarios", "figures imports racelab/scenarios; want none but sweeps, gonum.org/v1/..., golang.org/x/image/font"},
		{"cmd/simrun/x.go", "racelab/figures", ""},
		{"cmd/simrun/x.go", "racelab/sim/simtest", "cmd/simrun imports racelab/sim/simtest; want none but " + strings.Join(importRules[1].may, ", ")},
		{"cmd/simrun/x.go", "github.com/stretchr/testify", "cmd/simrun imports github.com/stretchr/testify; want none but " + strings.Join(importRules[1].may, ", ")},
		{"attic/x.go", "fmt", "package attic is in no row of importRules; say there what it may import"},
	} {
		line := 2
		if strings.Contains(test.want, " no row ") {
			line = 1
		}
		u := parsed(t, test.file, fmt.Sprintf("package x\nimport _ %q\n", test.imports))
		got, want := strings.Join(u.imports(), "\n"), test.want
		if want != "" {
			want = fmt.Sprintf("%s:%d: %s", test.file, line, want)
		}
		if got != want {
			t.Errorf("%s that imports %s:\n got %q\nwant %q", test.file, test.imports, got, want)
		}
	}
}

// Goal: each rule of the door fires where it should, and nowhere else.
func TestPlantedNondeterminism(t *testing.T) {
	const header = "package x; "
	type plant struct{ file, source, want string }
	tests := []plant{
		{"sim/x.go", `import "time"; const d = time.Second`, ""},
		{"sim/x.go", `import clock "time"; var f = clock.Now`, "uses time.Now; " + noClock},
		{"sim/x.go", `import . "time"; var f = Now`, "uses time.Now; " + noClock},
		{"sim/x_test.go", `import "time"; var f = time.Now`, ""},
		{"sim/chooser.go", `import "math/rand/v2"; func f() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }`, ""},
		{"sim/chooser.go", `import "math/rand/v2"; func f() int { return rand.IntN(3) }`, "uses math/rand/v2.IntN, which has no seed of ours; draw from a rand.New"},
		{"sim/chooser.go", `import "math/rand"; func f() int { return rand.Intn(3) }`, "uses math/rand.Intn, which has no seed of ours; draw from a rand.New"},
		{"sim/explore/x.go", `import "math/rand/v2"; func f(r *rand.Rand) int { return r.IntN(3) }`, ""},
		{"sim/simtest/x.go", `import _ "os"`, ""},
		{"sim/explore/x.go", `import "sync"; type t struct { m sync.Mutex; c chan int }; func (t *t) f() { go t.f(); select { case <-t.c: default: t.c <- 1 } }`, ""},
		{"sim/view/x.go", `import _ "sync"`, "imports sync; " + noThreads},
		{"model/group/x.go", `func f() { go f() }`, "a go statement; " + noThreads},
		{"model/group/x.go", `func f() { select {} }`, "a select; " + noThreads},
		{"model/group/x.go", `var c chan<- int`, "a channel; " + noThreads},
		{"model/group/x.go", `import "context"; func f(c context.Context) { <-c.Done() }`, "a receive from a channel; " + noThreads},
		{"model/x.go", `import "text/template/parse"; func f(m map[string]*parse.Tree) { for range m { } }`, "range over a map; " + noOrder},
		{"model/x.go", `type m map[int]int; func f(m m) { for k := range m { _ = k } }`, "range over a map; " + noOrder},
		{"model/x.go", `func f[M ~map[K]V, K comparable, V any](m M) { for range m { } }`, "range over a map; " + noOrder},
		{"model/x.go", `func f[S ~[]E, E any](s S, n int, seq func(func(int) bool)) { for range s { }; for range n { }; for range seq { }; for range "text" { } }`, ""},
		{"model/x.go", `import ("maps"; "slices"); func f(m map[int]int) []int { return slices.Sorted(maps.Keys(m)) }`, ""},
		{"model/x.go", `import ("maps"; "slices"); func f(m map[int]int) []int { return slices.Collect(maps.Keys(m)) }`, "uses maps.Keys; " + noOrder},
		{"properties/x.go", `var n int; func f() { n = 1 }`, "assigns to the package variable n; " + noGlobals},
		{"properties/x.go", `var n int; func f() { n++ }`, "assigns to the package variable n; " + noGlobals},
		{"properties/x.go", `var n [2]struct{ a []int }; func f() { n[1].a[0] += 1 }`, "assigns to the package variable n; " + noGlobals},
		{"properties/x.go", `var p = new(int); func f() { *p = 1 }`, "assigns to the package variable p; " + noGlobals},
		{"properties/x.go", `var n int; func f() { for n = range 3 { } }`, "assigns to the package variable n; " + noGlobals},
		{"properties/x.go", `import "io"; func f() { io.EOF = nil }`, "assigns to the package variable EOF; " + noGlobals},
		{"properties/x.go", `var m = map[int]int{}; func f() { delete(m, 1) }`, "calls delete on the package variable m; " + noGlobals},
		{"properties/x.go", `var s = []int{1}; func f() { clear(s[:1]) }`, "calls clear on the package variable s; " + noGlobals},
		{"properties/x.go", `var s = []int{1}; func f() { copy(s, s[1:]) }`, "calls copy on the package variable s; " + noGlobals},
		{"properties/x.go", `var n int; func g(*int); func f() { g(&n) }`, "hands over the address of the package variable n; " + noGlobals},
		{"properties/x.go", `import "strings"; var b strings.Builder; func f() { b.WriteString("x") }`, "calls WriteString on the address of the package variable b; " + noGlobals},
		{"properties/x.go", `import "errors"; var e = errors.New("x"); var table = []struct{ n int }{{1}}; func f() (n int, err error) { n, err = table[0].n, e; n++; return }`, ""},
		{"scenarios/x.go", `type s struct{ n int }; var one = s{1}; func (s *s) get() int { return s.n }; func all() []*s { return []*s{&one} }; var sum = all()[0].get()`, ""},
		{"scenarios/x.go", `import "regexp"; var r = regexp.MustCompile("x"); func f() bool { return r.MatchString("x") }`, ""},
		{"scenarios/x.go", `func init() { }`, "func init; let whoever needs it call a function"},
		{"scenarios/x.go", `type t int; func (t) init() { }`, ""},
	}
	for _, d := range closedPackages {
		for _, name := range d.names {
			name = strings.TrimSuffix(name, "/...")
			tests = append(tests, plant{"scenarios/x.go", fmt.Sprintf("import _ %q", name), "imports " + name + "; " + d.instead})
		}
	}
	for _, d := range closedFunctions {
		for _, name := range d.names {
			pkg, function, _ := strings.Cut(strings.Trim(strings.Replace(name, ").", ".", 1), "("), ".")
			if pkg == "maps" {
				function += "[map[int]int]"
			}
			tests = append(tests, plant{"scenarios/x.go", fmt.Sprintf("import %q; var f any = %s.%s", pkg, pkg, function), "uses " + name + "; " + d.instead})
		}
	}
	for _, test := range tests {
		u := parsed(t, test.file, header+test.source)
		if err := u.check(); err != nil {
			t.Fatalf("%s: %v", test.source, err)
		}
		got, want := strings.Join(u.doors(), "\n"), test.want
		if want != "" {
			want = test.file + ":1: " + want
		}
		if got != want {
			t.Errorf("%s, %s:\n got %q\nwant %q", test.file, test.source, got, want)
		}
	}
}
