package rules

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// Liveness refuses what outlives a preemption point in the code of a Program
// and is no field.
var Liveness = &analysis.Analyzer{
	Name: "liveness",
	Doc: `refuse what is live over a preemption point and stands in no field

A Program that is put back into a saved state gets its fields back, and nothing
else: no local variable, no argument, no half of an expression. So none of them
may be used after a point if it was computed before. Pointers that are reached
from the receiver are exempt, since they do not change once the world runs.

The rule is for methods Run(*sim.Task) and for what they call. A function that
is handed to World.Go or Task.Go may keep what it likes, except over a Loop.`,
	Run:       liveness,
	FactTypes: []analysis.Fact{(*parks)(nil), (*asks)(nil)},
}

// primitive is the function that all parking goes through.
const primitive = "(*" + simPath + ".Task).wait"

// An operation that does not block is a point of a Program only where At names
// it, though it comes by what parks.
var (
	named    = "(*" + simPath + ".Task).At"
	optional = []string{"(*" + simPath + ".Task).comes", "(*" + simPath + ".Task).comesBy"}
)

// parks is a fact about a function: it contains a point.
type parks struct{ Keeps string } // what outlives a point there, in words; empty: nothing

// asks is a fact about a package: what its Programs call without knowing the
// function, by name and signature. It is kept as one about the package's first name:
// the facts of packages an analyzer of staticcheck takes all for its own.
type asks struct{ Keys []string }

func (*parks) AFact() {}
func (*asks) AFact()  {}

// lives is a package under the rule.
type lives struct {
	*analysis.Pass
	prog  *ssa.Program
	funcs []*ssa.Function // function literals included
	parks map[*ssa.Function]bool
	found map[*ssa.Function][]analysis.Diagnostic
}

// interpreters lists the packages that the rule leaves out. What a learner's text calls
// there is a table of closures over what is fixed before the first step, and no analysis
// of them says what the text does: searches find out, which check the first 2,000 steps
// of every text (World.CheckStep).
var interpreters = []string{"lab/exercise"}

func liveness(pass *analysis.Pass) (any, error) {
	if !isSim(pass.Pkg) && !importsSim(pass.Pkg) {
		return nil, nil
	}
	if within, ok := ofLab(path(pass.Pkg)); ok && matchesAny(interpreters, within) {
		return nil, nil
	}
	l := &lives{Pass: pass, parks: map[*ssa.Function]bool{}, found: map[*ssa.Function][]analysis.Diagnostic{}}
	l.build()
	l.findPoints()
	if path(pass.Pkg) == simPath && len(l.parks) == 0 {
		pass.Reportf(pass.Files[0].Package, "there is no %s, which all points of tasks go through: name the new one in tools/rules", primitive)
	}
	if !isSim(pass.Pkg) {
		for _, f := range l.funcs {
			if l.parks[f] {
				l.found[f] = l.findings(f)
			}
		}
		l.reportPrograms()
	}
	for _, f := range l.funcs {
		if l.parks[f] && f.Object() != nil {
			pass.ExportObjectFact(f.Object(), &parks{l.keeps(f, map[*ssa.Function]bool{})})
		}
	}
	return nil, nil
}

// build makes the package's SSA form.
func (l *lives) build() {
	l.prog = ssa.NewProgram(l.Fset, ssa.GlobalDebug)
	for _, p := range l.Pkg.Imports() {
		l.prog.CreatePackage(p, nil, nil, true)
	}
	pkg := l.prog.CreatePackage(l.Pkg, l.Files, l.TypesInfo, false)
	pkg.Build()
	var add func(f *ssa.Function)
	add = func(f *ssa.Function) {
		l.funcs = append(l.funcs, f)
		for _, literal := range f.AnonFuncs {
			add(literal)
		}
	}
	for _, file := range l.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				if f := l.prog.FuncValue(l.TypesInfo.Defs[d.Name].(*types.Func)); f != nil {
					add(f)
				}
			}
		}
	}
	add(pkg.Func("init")) // It holds the literals of package variables.
}

// source is the function that is written down: for an instance the generic
// one, for a bound method the method.
func (l *lives) source(f *ssa.Function) *ssa.Function {
	if f != nil {
		if o, ok := f.Object().(*types.Func); ok {
			if declared := l.prog.FuncValue(o.Origin()); declared != nil {
				return declared
			}
		}
	}
	return f
}

func instructions(f *ssa.Function, visit func(ssa.Instruction)) {
	for _, b := range f.Blocks {
		for _, i := range b.Instrs {
			visit(i)
		}
	}
}

// callOf is what an instruction calls, now or when its function returns; nil
// if nothing.
func callOf(i ssa.Instruction) *ssa.CallCommon {
	switch i := i.(type) {
	case *ssa.Call:
		return &i.Call
	case *ssa.Defer:
		return &i.Call
	}
	return nil
}

// isPoint says whether a call may park its task.
func (l *lives) isPoint(call *ssa.CallCommon) bool {
	if call == nil {
		return false
	}
	if f := l.source(call.StaticCallee()); f != nil {
		return !slices.Contains(optional, f.RelString(nil)) && l.hasPoint(f) || slices.ContainsFunc(call.Args, isNamed)
	}
	return !isSim(l.Pkg) && isUnknown(call)
}

func (l *lives) hasPoint(f *ssa.Function) bool {
	return l.parks[f] || f.Object() != nil && f.Object().Pkg() != l.Pkg && l.ImportObjectFact(f.Object(), new(parks))
}

// isNamed says whether a value is a task whose next point At has named.
func isNamed(v ssa.Value) bool {
	call, ok := v.(*ssa.Call)
	return ok && call.Call.StaticCallee() != nil && call.Call.StaticCallee().RelString(nil) == named
}

// isUnknown says whether a call hands a task to a function that is not known
// before the program runs: a function value, or a method of an interface.
func isUnknown(call *ssa.CallCommon) bool {
	return call.StaticCallee() == nil && slices.ContainsFunc(call.Args, func(a ssa.Value) bool { return isTask(a.Type()) })
}

// findPoints finds the functions that contain a point.
func (l *lives) findPoints() {
	for more := true; more; {
		more = false
		for _, f := range l.funcs {
			has := f.RelString(nil) == primitive
			instructions(f, func(i ssa.Instruction) { has = has || l.isPoint(callOf(i)) })
			if has && !l.parks[f] {
				l.parks[f], more = true, true
			}
		}
	}
}

// reportPrograms reports what is wrong in the functions that Programs execute.
func (l *lives) reportPrograms() {
	asked := &asks{Keys: []string{"Run(*" + simPath + ".Task)"}}
	for _, fact := range l.AllObjectFacts() {
		if other, ok := fact.Fact.(*asks); ok {
			asked.Keys = append(asked.Keys, other.Keys...)
		}
	}
	taken := l.taken()
	reached := map[*ssa.Function]bool{}
	var reach func(f *ssa.Function)
	reach = func(f *ssa.Function) {
		if reached[f] {
			return
		}
		reached[f] = true
		for f, how := range l.mentioned(f) {
			if how != toSim && slices.Contains(l.funcs, f) {
				reach(f)
			}
		}
		instructions(f, func(i ssa.Instruction) {
			call := callOf(i)
			if call == nil {
				return
			}
			callee := l.source(call.StaticCallee())
			fact := new(parks)
			switch {
			case isUnknown(call):
				name := ""
				if call.IsInvoke() {
					name = call.Method.Name()
				}
				asked.Keys = append(asked.Keys, key(name, call.Signature()))
			case callee != nil && callee.Object() != nil && callee.Object().Pkg() != l.Pkg && l.ImportObjectFact(callee.Object(), fact) && fact.Keeps != "":
				l.Reportf(i.Pos(), "%s is called by a Program, and in it %s", callee.Name(), fact.Keeps)
			}
		})
	}
	for before := -1; before != len(reached); {
		before = len(reached)
		for _, f := range l.funcs {
			if f.Signature.Recv() != nil && slices.Contains(asked.Keys, key(f.Name(), f.Signature)) ||
				taken[f] && slices.Contains(asked.Keys, key("", f.Signature)) {
				reach(f)
			}
		}
	}
	reported := map[string]bool{}
	for _, f := range l.funcs {
		for _, d := range l.found[f] {
			at := l.Fset.Position(d.Pos)
			if line := fmt.Sprint(at.Filename, at.Line); reached[f] && !reported[line] {
				reported[line] = true
				l.Report(d)
			}
		}
	}
	for _, f := range l.funcs {
		if !reached[f] {
			for _, d := range l.loops(f) {
				l.Report(d)
			}
		}
	}
	slices.Sort(asked.Keys)
	if names := l.Pkg.Scope().Names(); len(names) > 0 {
		l.ExportObjectFact(l.Pkg.Scope().Lookup(names[0]), &asks{slices.Compact(asked.Keys)})
	}
}

// key tells functions apart that a call may stand for.
func key(name string, s *types.Signature) string {
	var b strings.Builder
	b.WriteString(name + "(")
	for p := range s.Params().Variables() {
		b.WriteString(types.TypeString(p.Type(), nil))
	}
	b.WriteString(")")
	for r := range s.Results().Variables() {
		b.WriteString(types.TypeString(r.Type(), nil))
	}
	return b.String()
}

// mention is how a function is mentioned; of several ways, the last counts.
type mention int

const (
	toSim mention = iota + 1 // World.Go and Task.Go make a task of it
	byCall
	asValue // it may be called later, by whoever has it
)

// mentioned lists the functions that a function calls or hands on.
func (l *lives) mentioned(f *ssa.Function) map[*ssa.Function]mention {
	all := map[*ssa.Function]mention{}
	instructions(f, func(i ssa.Instruction) {
		switch i.(type) {
		case *ssa.DebugRef, *ssa.MakeClosure: // A closure is seen where it goes.
			return
		}
		call, ok := i.(ssa.CallInstruction)
		for n, operand := range i.Operands(nil) {
			how := asValue
			if ok && n == 0 {
				how = byCall
			} else if ok && call.Common().StaticCallee() != nil && call.Common().StaticCallee().Object() != nil && isSim(call.Common().StaticCallee().Object().Pkg()) {
				how = toSim
			}
			v := *operand
			if closure, ok := v.(*ssa.MakeClosure); ok {
				v = closure.Fn
			}
			if g, ok := v.(*ssa.Function); ok {
				all[l.source(g)] = max(all[l.source(g)], how)
			}
		}
	})
	return all
}

// taken lists the functions that may be called by whoever has their value.
func (l *lives) taken() map[*ssa.Function]bool {
	all := map[*ssa.Function]bool{}
	for _, f := range l.funcs {
		for g, how := range l.mentioned(f) {
			all[g] = all[g] || how == asValue
		}
	}
	return all
}

// keeps says what outlives a point in a function, or in those that it calls.
func (l *lives) keeps(f *ssa.Function, seen map[*ssa.Function]bool) (what string) {
	if seen[f] {
		return ""
	}
	seen[f] = true
	if len(l.found[f]) > 0 {
		return l.found[f][0].Message
	}
	instructions(f, func(i ssa.Instruction) {
		if call := callOf(i); call != nil && what == "" {
			if callee := l.source(call.StaticCallee()); l.parks[callee] {
				what = l.keeps(callee, seen)
			} else if fact := new(parks); callee != nil && callee.Object() != nil && l.ImportObjectFact(callee.Object(), fact) {
				what = fact.Keeps
			}
		}
	})
	return what
}

// findings finds what outlives a point in a function that contains one.
func (l *lives) findings(f *ssa.Function) []analysis.Diagnostic {
	var found []analysis.Diagnostic
	say := func(at token.Pos, format string, args ...any) {
		found = append(found, analysis.Diagnostic{Pos: at, Message: fmt.Sprintf(format, args...)})
	}
	if f.Parent() != nil {
		say(f.Pos(), "a point in a function literal, or in a loop over a function; make it a method, whose receiver is the task's frame")
		return found
	}
	instructions(f, func(i ssa.Instruction) {
		switch i := i.(type) {
		case *ssa.Defer:
			say(i.Pos(), "defer in %s, which contains a point; call it on each way out", f.Name())
		case *ssa.Alloc:
			if isVariable(i) && !l.isWired(i) {
				l.kept(f, i, say)
			}
		case *ssa.MakeClosure:
			if bound := i.Fn.(*ssa.Function); bound.Parent() == nil && l.hasPoint(l.source(bound)) {
				if isTask(i.Bindings[0].Type()) {
					say(i.Pos(), "%s without a call; call it here, or what calls it has a point that nobody sees", bound.Object().Name())
				} else if !l.isWired(i.Bindings[0]) {
					say(i.Pos(), "%s is kept with a receiver that may be another after a point; take it of what the receiver here is wired to", bound.Object().Name())
				}
			}
		case *ssa.Call:
			if callee := l.receiver(&i.Call); callee != nil && l.isPoint(&i.Call) && !l.isWired(callee) {
				say(i.Pos(), "what is called here was found before a point and is used after it; call it on what the receiver here is wired to, and let it look the rest up")
			}
		}
	})
	return append(found, l.outlive(f)...)
}

// loops finds what a turn of a Loop passes to the next one: even a function keeps nothing
// of that. What it had before the loop, it has in each turn.
func (l *lives) loops(f *ssa.Function) (found []analysis.Diagnostic) {
	instructions(f, func(i ssa.Instruction) {
		call, ok := i.(*ssa.Call)
		if !ok {
			return
		}
		loop, ok := call.Call.Value.(*ssa.Call)
		if !ok || !isLoop(loop.Call.StaticCallee()) {
			return
		}
		turn, ok := call.Call.Args[0].(*ssa.MakeClosure)
		if !ok {
			return
		}
		for k, v := range turn.Fn.(*ssa.Function).FreeVars {
			// Those that have no name of the source say how the loop is left.
			if !strings.Contains(v.Name(), "$") && isPassedOn(v) {
				found = append(found, analysis.Diagnostic{Pos: turn.Bindings[k].Pos(), Message: fmt.Sprintf(
					"%s outlives a turn of the loop on line %d; keep it in a Var, or look it up again in each turn", v.Name(), l.Fset.Position(loop.Pos()).Line)})
			}
		}
	})
	return found
}

func isLoop(f *ssa.Function) bool {
	return f != nil && f.Name() == "Loop" && f.Signature.Recv() != nil && isTask(f.Signature.Recv().Type())
}

// isPassedOn says whether a turn changes a variable of the function around it, and goes on
// to the next one.
func isPassedOn(v *ssa.FreeVar) bool {
	var next []*ssa.BasicBlock
	for _, b := range v.Parent().Blocks {
		if r, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			if goesOn, ok := r.Results[0].(*ssa.Const); !ok || constant.BoolVal(goesOn.Value) {
				next = append(next, b)
			}
		}
	}
	return slices.ContainsFunc(writes(v), func(i ssa.Instruction) bool {
		return slices.ContainsFunc(next, func(b *ssa.BasicBlock) bool { return b == i.Block() || reaches(i.Block(), b) })
	})
}

// writes lists where what lies at an address may change. The objects of package sim are
// no local variables.
func writes(address ssa.Value) (list []ssa.Instruction) {
	if of, ok := types.Unalias(address.Type().Underlying().(*types.Pointer).Elem()).(*types.Named); ok && isSim(of.Obj().Pkg()) {
		return nil
	}
	for _, r := range *address.Referrers() {
		switch r := r.(type) {
		case *ssa.DebugRef, *ssa.UnOp:
		case *ssa.FieldAddr:
			list = append(list, writes(r)...)
		case *ssa.IndexAddr:
			list = append(list, writes(r)...)
		case *ssa.MakeClosure:
			for k, b := range r.Bindings {
				if b == address && len(writes(r.Fn.(*ssa.Function).FreeVars[k])) > 0 {
					list = append(list, r)
				}
			}
		default:
			list = append(list, r)
		}
	}
	return list
}

// reaches says whether a way of one step or more leads from a block to another.
func reaches(from, to *ssa.BasicBlock) bool {
	been, queue := map[*ssa.BasicBlock]bool{}, []*ssa.BasicBlock{from}
	for len(queue) > 0 {
		b := queue[0]
		queue = queue[1:]
		for _, next := range b.Succs {
			if next == to {
				return true
			}
			if !been[next] {
				been[next] = true
				queue = append(queue, next)
			}
		}
	}
	return false
}

// receiver is what a call hands on as the frame of the function that it calls;
// nil if nothing. Package sim keeps nothing of what it is handed.
func (l *lives) receiver(call *ssa.CallCommon) ssa.Value {
	callee := call.StaticCallee()
	switch {
	case callee == nil:
		return call.Value
	case callee.Object() != nil && !isSim(callee.Object().Pkg()) && callee.Signature.Recv() != nil && len(call.Args) > 0 && isPointer(call.Args[0]):
		return call.Args[0]
	}
	return nil
}

func isPointer(v ssa.Value) bool {
	_, ok := v.Type().Underlying().(*types.Pointer)
	return ok
}

// isWired says whether a value is the task, the receiver, or reached from it:
// pointers, interfaces and functions do not change once the world runs.
func (l *lives) isWired(v ssa.Value) bool {
	if isTask(v.Type()) {
		return true
	}
	switch v := v.(type) {
	case *ssa.Parameter:
		receiver := v.Parent().Signature.Recv()
		return receiver != nil && v.Object() == receiver && isPointer(v)
	case *ssa.FieldAddr:
		return l.isWired(v.X)
	case *ssa.Field:
		return l.isWired(v.X)
	case *ssa.IndexAddr:
		_, constant := v.Index.(*ssa.Const)
		return constant && l.isWired(v.X)
	case *ssa.UnOp:
		return v.Op == token.MUL && l.isWired(v.X)
	case *ssa.ChangeType:
		return l.isWired(v.X)
	case *ssa.MakeInterface:
		return l.isWired(v.X)
	case *ssa.MakeClosure:
		return !slices.ContainsFunc(v.Bindings, func(b ssa.Value) bool { return !l.isWired(b) })
	case *ssa.Function:
		return true
	case *ssa.Alloc: // The task or the receiver, which a function literal uses.
		stored := 0
		for _, r := range *v.Referrers() {
			if s, ok := r.(*ssa.Store); ok && s.Addr == v {
				if p, ok := s.Val.(*ssa.Parameter); !ok || !l.isWired(p) {
					return false
				}
				stored++
			}
		}
		return stored == 1
	}
	return false
}

// isVariable says whether memory belongs to a variable that somebody declared.
func isVariable(a *ssa.Alloc) bool {
	return !slices.Contains([]string{"complit", "makeslice", "new", "slicelit", "varargs"}, a.Comment)
}

// kept finds a variable whose address goes where it may be used after a point,
// by itself or in a function literal. The standard library and sim keep
// nothing of what they are handed.
func (l *lives) kept(f *ssa.Function, a *ssa.Alloc, say func(token.Pos, string, ...any)) {
	isKept := func(v ssa.Value) bool {
		for _, r := range *v.Referrers() {
			switch r := r.(type) {
			case *ssa.Store:
				if r.Val == v {
					return true
				}
			case *ssa.MapUpdate, *ssa.Return:
				return true
			case *ssa.Call:
				if r.Call.Value != v && (r.Call.StaticCallee() == nil || !l.keepsNothing(l.source(r.Call.StaticCallee()))) {
					return true
				}
			}
		}
		return false
	}
	if isKept(a) {
		say(a.Pos(), "the address of %s is kept, in %s, which contains a point; make it a field", a.Comment, f.Name())
	}
	for _, r := range *a.Referrers() {
		if literal, ok := r.(*ssa.MakeClosure); ok && isKept(literal) {
			say(literal.Fn.Pos(), "a function literal that is kept captures %s, in %s, which contains a point; make it a method, and %[1]s a field", a.Comment, f.Name())
		}
	}
}

// keepsNothing says whether a function is of sim or of the standard library.
func (l *lives) keepsNothing(f *ssa.Function) bool {
	if f.Object() == nil || f.Object().Pkg() == nil {
		return false
	}
	first := func(p *types.Package) string { f, _, _ := strings.Cut(path(p), "/"); return f }
	of := first(f.Object().Pkg())
	return isSim(f.Object().Pkg()) || !strings.Contains(of, ".") && of != first(l.Pkg) && of != module
}
