// Package rewrite puts Go source under control: where a goroutine may lose its
// turn, the text calls racelab/witness/rt.
//
// It edits text and keeps every line number; what it moves keeps its newlines. It
// changes no memory access and nothing of what a program computes.
package rewrite

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// Runtime is the import path of what rewritten code calls.
const Runtime = "racelab/witness/rt"

// shim is a package whose names stand for those of one of Go's.
type shim struct {
	path  string // below Runtime; empty: Runtime itself
	names map[string]string
}

func same(names string) map[string]string {
	m := map[string]string{}
	for name := range strings.FieldsSeq(names) {
		m[name] = name
	}
	return m
}

// shims are the packages whose functions act, wait or go by chance. All their
// other names stay Go's, so that types fit everywhere.
var shims = map[string]shim{
	"sync":        {"", same("Mutex RWMutex Cond NewCond Once OnceFunc OnceValue OnceValues WaitGroup Map Pool")},
	"time":        {"", same("Now Since Until Sleep After AfterFunc NewTimer NewTicker Tick Timer Ticker")},
	"runtime":     {"", same("Gosched NumGoroutine Stack LockOSThread UnlockOSThread")},
	"maps":        {"", map[string]string{"Keys": "MapKeys", "Values": "MapValues", "All": "MapAll"}},
	"sync/atomic": {"atomic", atomics()},
	"context": {"context", same(
		"WithCancel WithCancelCause WithTimeout WithTimeoutCause WithDeadline WithDeadlineCause Cause WithoutCancel AfterFunc")},
	"math/rand": {"rand", same(
		"Int Intn Int31 Int31n Int63 Int63n Uint32 Uint64 Float32 Float64 NormFloat64 ExpFloat64 Perm Shuffle Read Seed")},
	"math/rand/v2": {"randv2", same(
		"Int IntN Int32 Int32N Int64 Int64N Uint UintN Uint32 Uint32N Uint64 Uint64N Float32 Float64 NormFloat64 ExpFloat64 Perm Shuffle N")},
	"crypto/rand":      {"cryptorand", same("Reader Read Text")},
	"net":              {"net", same("Pipe Listen Dial DialTimeout")},
	"testing/synctest": {"synctest", same("Test Wait")},
	"io":               {"io", same("Pipe PipeReader PipeWriter")},
	"reflect":          {"", map[string]string{"Select": "ReflectSelect", "MapIter": "ReflectIter"}},
	"iter":             {"", same("Pull Pull2")},
	"os/signal":        {"signal", same("Notify NotifyContext Stop Reset Ignore Ignored")},
	"syscall":          {"signal", same("Kill")},
}

func atomics() map[string]string {
	m := same("Bool Pointer Value LoadPointer StorePointer SwapPointer CompareAndSwapPointer")
	for _, kind := range []string{"Int32", "Int64", "Uint32", "Uint64", "Uintptr"} {
		m[kind] = kind
		for _, verb := range []string{"Load", "Store", "Swap", "CompareAndSwap", "Add", "And", "Or"} {
			m[verb+kind] = verb + kind
		}
	}
	return m
}

// Options say what is done besides.
type Options struct {
	All bool // it is a file of tests, and each is explored
}

// Result is a rewritten file.
type Result struct {
	Text    []byte
	Changed bool
	Tries   bool     // it tries locks
	Missed  []string // what stays out of control, with its line
}

// File rewrites one file of a package. info holds what go/types knows of that.
func File(fset *token.FileSet, file *ast.File, of *types.Package, info *types.Info, source []byte, o Options) (res Result, err error) {
	r := &rewriter{Options: o, fset: fset, file: file, of: of, info: info, source: source, base: fset.File(file.FileStart).Base(), used: map[string]bool{}}
	for _, spec := range file.Imports {
		if spec.Path.Value == `"C"` {
			return Result{Text: source, Missed: []string{r.line(spec) + ": cgo; the file is left as it is"}}, nil
		}
	}
	for _, decl := range file.Decls {
		r.enclosing = declName(decl)
		r.walk(decl)
		r.test(decl)
	}
	if len(r.edits) == 0 {
		return Result{Text: source, Missed: r.missed}, nil
	}
	r.imports()
	return Result{[]byte(r.render(r.base, r.base+len(source))), true, r.tries, r.missed}, r.err
}

type edit struct {
	from, to int // positions, as token.Pos has them
	text     string
	rank     rank
	number   int
}

// rank orders edits at one position: what closes a node, what opens one (the outer
// first), what replaces text.
type rank uint8

const (
	closing rank = iota
	opening
	replacing
)

type rewriter struct {
	Options
	fset      *token.FileSet
	file      *ast.File
	of        *types.Package
	info      *types.Info
	source    []byte
	base      int
	edits     []edit // in no order; none overlaps another
	used      map[string]bool
	replaced  map[string]int // uses of an import that are gone
	enclosing string
	tries     bool
	missed    []string
	err       error
}

func (r *rewriter) line(n ast.Node) string { return r.fset.Position(n.Pos()).String() }

func (r *rewriter) replace(from, to token.Pos, text string) {
	r.add(edit{from: int(from), to: int(to), text: text, rank: replacing})
}

func (r *rewriter) add(e edit) {
	e.number = len(r.edits)
	r.edits = append(r.edits, e)
}

// open inserts before a node, close after one.
func (r *rewriter) open(n ast.Node, text string) {
	r.add(edit{from: int(n.Pos()), to: int(n.Pos()), text: text, rank: opening})
}

func (r *rewriter) close(n ast.Node, text string) {
	r.add(edit{from: int(n.End()), to: int(n.End()), text: text, rank: closing})
}

// render is the text between two positions with the edits within, which it takes
// out.
func (r *rewriter) render(from, to int) string {
	var within, rest []edit
	for _, e := range r.edits {
		if from <= e.from && e.to <= to {
			within = append(within, e)
		} else {
			rest = append(rest, e)
		}
	}
	r.edits = rest
	slices.SortFunc(within, func(a, b edit) int {
		outer := a.number - b.number
		if a.rank == opening {
			outer = -outer
		}
		return cmp.Or(a.from-b.from, int(a.rank)-int(b.rank), outer)
	})
	var b strings.Builder
	for _, e := range within {
		b.Write(r.source[from-r.base : e.from-r.base])
		b.WriteString(e.text)
		from = e.to
	}
	b.Write(r.source[from-r.base : to-r.base])
	return b.String()
}

// textOf is the rewritten text of a node, which is going to stand elsewhere.
func (r *rewriter) textOf(n ast.Node) string { return r.render(int(n.Pos()), int(n.End())) }

// runtime is the name of a package of the runtime in the file.
func (r *rewriter) runtime(path string) string {
	r.used[path] = true
	switch path {
	case "":
		return "witness_rt"
	case testing:
		return "witness_test"
	}
	return "witness_" + path
}

func (r *rewriter) rt() string { return r.runtime("") + "." }

// imports adds those of the runtime on the package line, and blanks those that are
// of no use any more.
func (r *rewriter) imports() {
	var b strings.Builder
	for _, path := range slices.Sorted(func(yield func(string) bool) {
		for p := range r.used {
			if !yield(p) {
				return
			}
		}
	}) {
		full := Runtime
		switch path {
		case "":
		case testing:
			full = path
		default:
			full += "/" + path
		}
		fmt.Fprintf(&b, "; import %s %q", r.runtime(path), full)
	}
	r.close(r.file.Name, b.String())
	uses := map[*types.Package]int{}
	gone := map[*types.Package]int{}
	ast.PreorderStack(r.file, nil, func(n ast.Node, stack []ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if name, ok := r.info.Uses[id].(*types.PkgName); ok {
			uses[name.Imported()]++
			gone[name.Imported()] += r.replaced[r.at(id)]
		} else if of := r.dotOf(id, stack); of != nil {
			uses[of]++
			gone[of] += r.replaced[r.at(id)]
		}
		return true
	})
	for _, spec := range r.file.Imports {
		name := r.info.PkgNameOf(spec)
		if name == nil || uses[name.Imported()] == 0 || uses[name.Imported()] != gone[name.Imported()] {
			continue
		}
		if spec.Name != nil {
			r.replace(spec.Name.Pos(), spec.Name.End(), "_")
		} else {
			r.open(spec.Path, "_ ")
		}
	}
}

func (r *rewriter) at(n ast.Node) string { return strconv.Itoa(int(n.Pos())) }

func declName(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return "package"
	}
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + f.Name.Name
		default:
			return f.Name.Name
		}
	}
}

// walk rewrites what is below a node first, then the node.
func (r *rewriter) walk(n ast.Node) {
	ast.PreorderStack(n, nil, func(n ast.Node, stack []ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectStmt, *ast.GoStmt, *ast.SendStmt, *ast.RangeStmt, *ast.UnaryExpr, *ast.CallExpr, *ast.IndexExpr:
			if r.node(n) {
				return false
			}
		case *ast.AssignStmt, *ast.ValueSpec, *ast.CompositeLit, *ast.FuncDecl, *ast.FuncLit:
			r.assigned(n)
		case *ast.BinaryExpr, *ast.TypeAssertExpr, *ast.TypeSwitchStmt:
			r.compared(n)
		case *ast.SelectorExpr:
			r.selector(n)
		case *ast.Ident:
			if of := r.dotOf(n, stack); of != nil {
				r.shim(of, n, n)
			}
		}
		return true
	})
}

// testing is what stands for testing.T.
const testing = "racelab/witness"

// test lets a test explore itself.
func (r *rewriter) test(d ast.Decl) {
	f, ok := d.(*ast.FuncDecl)
	if !ok || !r.All || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") || f.Body == nil ||
		f.Type.Params.NumFields() != 1 || !isT(r.info.TypeOf(f.Type.Params.List[0].Type)) {
		return
	}
	names := f.Type.Params.List[0].Names
	if len(names) == 0 || names[0].Name == "_" {
		r.missed = append(r.missed, r.line(f)+": "+f.Name.Name+" does not name its *testing.T")
		return
	}
	r.used[testing] = true
	r.add(edit{
		from: int(f.Body.Lbrace + 1), to: int(f.Body.Lbrace + 1), rank: closing,
		text: fmt.Sprintf(" if witness_test.Test(%s, %s) { return };", names[0].Name, f.Name.Name),
	})
}

// isT says whether a type is *testing.T.
func isT(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(p.Elem()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "testing" && n.Obj().Name() == "T"
}

// below walks the children of a node.
func (r *rewriter) below(nodes ...ast.Node) {
	for _, n := range nodes {
		switch x := n.(type) {
		case nil:
		case *ast.BlockStmt:
			if x != nil {
				r.walk(x)
			}
		default:
			r.walk(n)
		}
	}
}

func (r *rewriter) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectStmt:
		r.selectStmt(n)
		return true
	case *ast.GoStmt:
		r.goStmt(n)
		return true
	case *ast.SendStmt:
		r.sent(n)
		r.open(n.Chan, r.rt()+"Chan(")
		r.replace(n.Chan.End(), n.Value.Pos(), ").Send("+newlines(r.gap(n.Chan.End(), n.Value.Pos())))
		r.close(n.Value, ")")
		return true
	case *ast.UnaryExpr:
		if n.Op != token.ARROW {
			return false
		}
		r.below(n.X)
		f := "Recv("
		if _, ok := r.info.TypeOf(n).(*types.Tuple); ok {
			f = "Recv2("
		}
		r.replace(n.OpPos, n.X.Pos(), r.rt()+f)
		r.close(n.X, ")")
		return true
	case *ast.RangeStmt:
		return r.rangeStmt(n)
	case *ast.CallExpr:
		r.call(n)
	case *ast.IndexExpr:
		r.index(n)
	}
	return false
}

func (r *rewriter) gap(from, to token.Pos) string {
	return string(r.source[int(from)-r.base : int(to)-r.base])
}

func newlines(text string) string { return strings.Repeat("\n", strings.Count(text, "\n")) }

// selector turns sync.Mutex into witness_rt.Mutex.
func (r *rewriter) selector(n *ast.SelectorExpr) {
	if s, ok := r.info.Selections[n]; ok {
		r.selected(n, s)
	}
	id, ok := n.X.(*ast.Ident)
	if !ok {
		return
	}
	name, ok := r.info.Uses[id].(*types.PkgName)
	if !ok {
		if n.Sel.Name == "TryLock" || n.Sel.Name == "TryRLock" {
			r.tries = true
		}
		return
	}
	r.shim(name.Imported(), id, n.Sel)
}

// shim lets a name of a package be that of its shim, if there is one. from is the name of
// the package, or with import . the name itself.
func (r *rewriter) shim(of *types.Package, from, name *ast.Ident) {
	s := shims[of.Path()]
	to, ok := s.names[name.Name]
	if !ok {
		return
	}
	if from == name {
		r.replace(name.Pos(), name.End(), r.runtime(s.path)+"."+to)
	} else {
		r.replace(from.Pos(), from.End(), r.runtime(s.path))
		if to != name.Name {
			r.replace(name.Pos(), name.End(), to)
		}
	}
	if r.replaced == nil {
		r.replaced = map[string]int{}
	}
	r.replaced[r.at(from)] = 1
}

// dotOf is the package of import . that a name is of; nil: none.
func (r *rewriter) dotOf(id *ast.Ident, stack []ast.Node) *types.Package {
	o := r.info.Uses[id]
	if o == nil || o.Pkg() == nil || o.Parent() != o.Pkg().Scope() {
		return nil
	}
	if len(stack) > 0 {
		if s, ok := stack[len(stack)-1].(*ast.SelectorExpr); ok && s.Sel == id {
			return nil
		}
	}
	return o.Pkg() // Or it is the package of the file, which has no shim.
}

// selected puts the methods of a *testing.T under control, those of a reflect.Value that work
// on channels and maps, and those that dial, listen and signal. A struct that embeds one has them too.
func (r *rewriter) selected(n *ast.SelectorExpr, s *types.Selection) {
	f, ok := s.Obj().(*types.Func)
	if !ok {
		return
	}
	t, path, hidden := s.Recv(), "", false
	for _, i := range s.Index()[:len(s.Index())-1] { // The last is that of the method.
		of, ok := core(deref(t)).(*types.Struct)
		if isT(t) || !ok {
			break
		}
		field := of.Field(i)
		t, path, hidden = field.Type(), path+"."+field.Name(), hidden || !field.Exported() && field.Pkg() != r.of
	}
	pkg, to := "", ""
	switch of, _ := strings.CutPrefix(f.FullName(), "(reflect.Value)."); of {
	case "Recv", "Send", "TryRecv", "TrySend", "Close", "Seq", "Seq2", "MapKeys", "MapRange", "SetIterKey", "SetIterValue":
		if to = "Reflected("; deref(t) != t {
			to += "*"
		}
	case "(*net.Dialer).Dial", "(*net.Dialer).DialContext":
		pkg, to = "net", "OfDialer("
	case "(*net.ListenConfig).Listen":
		pkg, to = "net", "OfListenConfig("
	case "(*os.Process).Signal":
		pkg, to = "signal", "OfProcess("
	default:
		if !isT(t) {
			return
		}
		pkg, to = testing, "Of("
	}
	if s.Kind() != types.MethodVal || hidden {
		r.missed = append(r.missed, r.line(n)+": "+f.FullName()+"; call it on the value itself")
		return
	}
	if pkg != "" && pkg != testing && deref(t) == t {
		to += "&"
	}
	r.open(n.X, r.runtime(pkg)+"."+to)
	r.close(n.X, path+")")
}

// deref is the type that a pointer points to; that of anything else is its own.
func deref(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}

// becomes is for a *testing.T that becomes a testing.TB, or what an assertion library takes.
func (r *rewriter) becomes(x ast.Expr, to types.Type) {
	if to == nil || !isT(r.info.TypeOf(x)) {
		return
	}
	if _, generic := types.Unalias(to).(*types.TypeParam); generic {
		return
	}
	if of, ok := to.Underlying().(*types.Interface); ok && of.NumMethods() > 0 {
		r.open(x, r.runtime(testing)+".Of(")
		r.close(x, ")")
	}
}

// assigned is what becomes the type of what it is assigned to.
func (r *rewriter) assigned(n ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, x := range n.Rhs {
			if n.Tok == token.ASSIGN && len(n.Lhs) == len(n.Rhs) {
				r.becomes(x, r.info.TypeOf(n.Lhs[i]))
			}
		}
	case *ast.ValueSpec:
		for _, x := range n.Values {
			if n.Type != nil {
				r.becomes(x, r.info.TypeOf(n.Type))
			}
		}
	case *ast.CompositeLit:
		of := core(deref(r.info.TypeOf(n)))
		for i, x := range n.Elts {
			pair, ok := x.(*ast.KeyValueExpr)
			if ok {
				x = pair.Value
			}
			switch of := of.(type) {
			case *types.Struct:
				if ok {
					r.becomes(x, r.info.TypeOf(pair.Key))
				} else {
					r.becomes(x, of.Field(i).Type())
				}
			case *types.Map:
				r.becomes(pair.Key, of.Key())
				r.becomes(x, of.Elem())
			case interface{ Elem() types.Type }:
				r.becomes(x, of.Elem())
			}
		}
	case *ast.FuncDecl:
		r.returned(n.Type, n.Body)
	case *ast.FuncLit:
		r.returned(n.Type, n.Body)
	}
}

// returned is what becomes the type of a result.
func (r *rewriter) returned(f *ast.FuncType, body *ast.BlockStmt) {
	if f.Results == nil || body == nil {
		return
	}
	var to []types.Type
	for _, field := range f.Results.List {
		for range max(1, len(field.Names)) {
			to = append(to, r.info.TypeOf(field.Type))
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if n, ok := n.(*ast.ReturnStmt); ok && len(n.Results) == len(to) {
			for i, x := range n.Results {
				r.becomes(x, to[i])
			}
		}
		_, other := n.(*ast.FuncLit)
		return !other
	})
}

// sent walks a send, whose value becomes the type of the channel's.
func (r *rewriter) sent(n *ast.SendStmt) {
	if c, ok := core(r.info.TypeOf(n.Chan)).(*types.Chan); ok {
		r.becomes(n.Value, c.Elem())
	}
	r.below(n.Chan, n.Value)
}

// compared lets a testing.TB be the *testing.T that it is compared with or taken for.
func (r *rewriter) compared(n ast.Node) {
	plain := func(x ast.Expr) {
		if of := r.info.TypeOf(x); of != nil && types.IsInterface(of) {
			r.open(x, r.runtime(testing)+".Plain(")
			r.close(x, ")")
		}
	}
	t := func(x ast.Expr) bool { return x != nil && isT(r.info.TypeOf(x)) }
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if t(n.X) {
			plain(n.Y)
		} else if t(n.Y) {
			plain(n.X)
		}
	case *ast.TypeAssertExpr:
		if t(n.Type) {
			plain(n.X)
		}
	case *ast.TypeSwitchStmt:
		var of ast.Expr
		switch s := n.Assign.(type) {
		case *ast.ExprStmt:
			of = s.X
		case *ast.AssignStmt:
			of = s.Rhs[0]
		}
		for _, c := range n.Body.List {
			if slices.ContainsFunc(c.(*ast.CaseClause).List, t) {
				plain(ast.Unparen(of).(*ast.TypeAssertExpr).X)
				return
			}
		}
	}
}

// passed is what becomes the type of a parameter, or is converted.
func (r *rewriter) passed(call *ast.CallExpr) {
	if r.info.Types[call.Fun].IsType() {
		r.becomes(call.Args[0], r.info.TypeOf(call))
		return
	}
	s, ok := core(r.info.TypeOf(call.Fun)).(*types.Signature)
	if !ok {
		return
	}
	for i, arg := range call.Args {
		last := s.Params().Len() - 1
		switch {
		case i >= last && s.Variadic() && !call.Ellipsis.IsValid():
			if all, ok := core(s.Params().At(last).Type()).(*types.Slice); ok {
				r.becomes(arg, all.Elem())
			}
		case i <= last:
			r.becomes(arg, s.Params().At(i).Type())
		}
	}
}

// builtin is the name of the builtin that a call calls.
func (r *rewriter) builtin(call *ast.CallExpr) string {
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := r.info.Uses[id].(*types.Builtin); ok {
			return b.Name()
		}
	}
	return ""
}

func (r *rewriter) call(n *ast.CallExpr) {
	r.passed(n)
	r.goIn(n)
	switch name := r.builtin(n); name {
	case "close":
		r.replace(n.Fun.Pos(), n.Fun.End(), r.rt()+"Close")
	case "len", "cap":
		if c, ok := core(r.info.TypeOf(n.Args[0])).(*types.Chan); ok && c.Dir() != types.SendOnly {
			r.replace(n.Fun.Pos(), n.Fun.End(), r.rt()+strings.ToUpper(name[:1])+name[1:])
		}
	}
}

// index gives keys of maps that hold pointers a number.
func (r *rewriter) index(n *ast.IndexExpr) {
	m, ok := core(r.info.TypeOf(n.X)).(*types.Map)
	if !ok || !unordered(m.Key(), nil) {
		return
	}
	r.becomes(n.Index, m.Key())
	if tv := r.info.Types[n.Index]; tv.Value != nil || tv.IsNil() {
		return
	}
	r.open(n.Index, r.rt()+"Key(")
	r.close(n.Index, ")")
}

// core is the type that all types of a type have underneath.
func core(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		return t.Underlying()
	}
	constraint, ok := p.Constraint().Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	for e := range constraint.EmbeddedTypes() {
		switch e := e.(type) {
		case *types.Union:
			return core(e.Term(0).Type())
		default:
			if c := core(e); c != nil {
				if _, ok := c.(*types.Interface); !ok {
					return c
				}
			}
		}
	}
	return nil
}

// unordered says whether values of a type hold pointers, which have no order of
// their own.
func unordered(t types.Type, in []types.Type) bool {
	if slices.Contains(in, t) {
		return false
	}
	in = append(in, t)
	switch u := t.Underlying().(type) {
	case *types.Pointer, *types.Chan, *types.Interface:
		return true
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Struct:
		for f := range u.Fields() {
			if unordered(f.Type(), in) {
				return true
			}
		}
	case *types.Array:
		return unordered(u.Elem(), in)
	}
	return false
}

// goStmt: the function and its arguments are evaluated first, then the goroutine
// starts.
func (r *rewriter) goStmt(n *ast.GoStmt) {
	call := n.Call
	r.passed(call)
	start := r.rt() + "Go(" + r.nameOf(call.Fun) + ", "
	r.below(call.Fun)
	for _, a := range call.Args {
		r.below(a)
	}
	if r.builtin(call) == "close" { // len and cap do not stand there.
		r.call(call)
	}
	if _, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok && len(call.Args) == 0 {
		fun := r.textOf(call.Fun)
		r.replace(n.Pos(), n.End(), start+fun+newlines(r.gap(call.Fun.End(), n.End()))+")")
		return
	}
	var names, values, args []string
	var results string
	fun := r.textOf(call.Fun)
	if !r.static(call.Fun) {
		names, values, fun = append(names, "witness_f"), append(values, fun), "witness_f"
	}
	for i, a := range call.Args {
		text := r.textOf(a)
		tv := r.info.Types[a]
		if t, ok := tv.Type.(*types.Tuple); ok { // f(g()), where g has several results
			for j := range t.Len() {
				args = append(args, fmt.Sprintf("witness_a%d", j))
			}
			results = strings.Join(args, ", ") + " := " + text + "; "
			continue
		}
		if tv.Value != nil || tv.IsNil() || tv.IsType() {
			args = append(args, text)
			continue
		}
		names, values, args = append(names, fmt.Sprintf("witness_a%d", i)), append(values, text), append(args, fmt.Sprintf("witness_a%d", i))
	}
	last := ""
	if call.Ellipsis.IsValid() {
		last = "..."
	}
	do := start + "func() { " + fun + "(" + strings.Join(args, ", ") + last + ") })"
	do = results + do
	if len(names) > 0 {
		do = strings.Join(names, ", ") + " := " + strings.Join(values, ", ") + "; " + do
	}
	if results != "" || len(names) > 0 {
		do = "{ " + do + " }"
	}
	missing := strings.Count(r.gap(n.Pos(), n.End()), "\n") - strings.Count(do, "\n")
	r.replace(n.Pos(), n.End(), do+strings.Repeat("\n", max(0, missing)))
}

// nameOf is the name of the goroutine that calls a function, quoted.
func (r *rewriter) nameOf(f ast.Expr) string {
	name := strings.Join(strings.Fields(r.gap(f.Pos(), f.End())), "")
	if _, ok := ast.Unparen(f).(*ast.FuncLit); ok || len(name) > 60 {
		name = r.enclosing + ".func"
	}
	return strconv.Quote(name)
}

// goIn lets the goroutine of w.Go(f), w being a sync.WaitGroup, have the name that go f()
// would give it.
func (r *rewriter) goIn(n *ast.CallExpr) {
	to, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok || len(n.Args) != 1 || r.info.Types[n.Args[0]].IsNil() {
		return
	}
	s, ok := r.info.Selections[to]
	if !ok || s.Kind() != types.MethodVal {
		return
	}
	if f, ok := s.Obj().(*types.Func); !ok || f.FullName() != "(*sync.WaitGroup).Go" {
		return
	}
	r.open(n, r.rt()+"GoIn("+r.nameOf(n.Args[0])+", ")
	r.replace(to.Sel.Pos(), n.Lparen+1, "Group(), "+newlines(r.gap(to.Sel.Pos(), n.Lparen+1)))
}

// static says whether an expression names a function: it has no value to keep.
func (r *rewriter) static(fun ast.Expr) bool {
	switch f := ast.Unparen(fun).(type) {
	case *ast.IndexExpr:
		return r.static(f.X)
	case *ast.IndexListExpr:
		return r.static(f.X)
	case *ast.Ident:
		return r.isFunc(f)
	case *ast.SelectorExpr:
		if id, ok := f.X.(*ast.Ident); ok {
			if _, ok := r.info.Uses[id].(*types.PkgName); ok {
				return r.isFunc(f.Sel)
			}
		}
	}
	return false
}

func (r *rewriter) isFunc(id *ast.Ident) bool {
	switch r.info.Uses[id].(type) {
	case *types.Func, *types.Builtin:
		return true
	}
	return false
}

// rangeStmt rewrites a range over a channel or a map.
func (r *rewriter) rangeStmt(n *ast.RangeStmt) bool {
	var f string
	vars := 1
	switch core(r.info.TypeOf(n.X)).(type) {
	case *types.Chan:
		f = "ChanIter("
	case *types.Map:
		f, vars = "MapIter(", 2
	default:
		return false
	}
	r.below(n.X)
	for _, e := range []ast.Expr{n.Key, n.Value} {
		if e != nil && n.Tok == token.ASSIGN {
			r.below(e)
		}
	}
	r.below(n.Body)
	names := []string{"witness_k", "witness_v"}[:vars]
	assign := ""
	if n.Key != nil {
		var targets, from []string
		for i, e := range []ast.Expr{n.Key, n.Value} {
			if e == nil {
				continue
			}
			text := r.textOf(e)
			if text == "_" {
				continue
			}
			if n.Tok == token.DEFINE {
				names[i] = text
			} else {
				targets, from = append(targets, text), append(from, names[i])
			}
		}
		if targets != nil {
			assign = " " + strings.Join(targets, ", ") + " = " + strings.Join(from, ", ") + ";"
		}
	}
	x := r.textOf(n.X)
	head := fmt.Sprintf("for witness_it, %s := %s%s%s); witness_it.Next(&%s); ",
		strings.Join(names, ", "), r.rt(), f, x, strings.Join(names, ", &"))
	missing := strings.Count(r.gap(n.For, n.Body.Lbrace), "\n") - strings.Count(head, "\n")
	r.replace(n.For, n.Body.Lbrace, head+strings.Repeat("\n", max(0, missing)))
	if assign != "" {
		r.add(edit{from: int(n.Body.Lbrace + 1), to: int(n.Body.Lbrace + 1), text: assign, rank: closing})
	}
	return true
}

// selectStmt: the operands are evaluated once and in order, then one case is
// chosen.
func (r *rewriter) selectStmt(n *ast.SelectStmt) {
	if len(n.Body.List) == 0 {
		r.replace(n.Pos(), n.End(), "switch "+r.rt()+`Block(); { default: panic("select {}") }`+newlines(r.gap(n.Pos(), n.End())))
		return
	}
	var names, values []string
	hasDefault := false
	for i, stmt := range n.Body.List {
		clause := stmt.(*ast.CommClause)
		for _, s := range clause.Body {
			r.below(s)
		}
		if clause.Comm == nil {
			hasDefault = true
			continue
		}
		name := fmt.Sprintf("witness_c%d", len(names))
		label := fmt.Sprintf("case %d:", len(names))
		var value string
		switch comm := clause.Comm.(type) {
		case *ast.SendStmt:
			r.sent(comm)
			value = r.rt() + "Chan(" + r.textOf(comm.Chan) + ").Case(" + r.textOf(comm.Value) + ")"
		case *ast.ExprStmt:
			value = r.receive(comm.X)
		case *ast.AssignStmt:
			value = r.receive(comm.Rhs[0])
			from := []string{name + ".V", name + ".OK"}[:len(comm.Lhs)]
			var targets []string
			for _, e := range comm.Lhs {
				r.below(e)
				targets = append(targets, r.textOf(e))
			}
			label += " " + strings.Join(targets, ", ") + " " + comm.Tok.String() + " " + strings.Join(from, ", ") + ";"
		}
		if i == len(n.Body.List)-1 && !hasDefault {
			_, rest, _ := strings.Cut(label, ":")
			label = "default:" + rest
		}
		missing := strings.Count(r.gap(clause.Case, clause.Colon+1), "\n") - strings.Count(value, "\n")
		r.replace(clause.Case, clause.Colon+1, label+strings.Repeat("\n", max(0, missing)))
		names, values = append(names, name), append(values, value)
	}
	head := "switch "
	if len(names) > 0 {
		head += strings.Join(names, ", ") + " := " + strings.Join(values, ", ") + "; "
	}
	r.replace(n.Select, n.Body.Lbrace, head+r.rt()+"Select("+strings.Join(append([]string{strconv.FormatBool(hasDefault)}, names...), ", ")+") ")
}

func (r *rewriter) receive(e ast.Expr) string {
	x := ast.Unparen(e).(*ast.UnaryExpr).X
	r.below(x)
	return r.rt() + "RecvOf(" + r.textOf(x) + ")"
}
