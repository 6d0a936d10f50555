package rules

import (
	"fmt"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// values is a set of values of a function.
type values = map[ssa.Value]bool

// dataflow is the liveness of the values of a function. Memory of a variable is alive
// from where it is written as a whole.
type dataflow struct {
	lives  *lives
	in     map[*ssa.BasicBlock]values
	points map[ssa.Value]*ssa.Call // the first that a value outlives
	names  map[ssa.Value]string    // of variables
}

// outlive finds the values that are computed before a point and used after it.
func (l *lives) outlive(f *ssa.Function) []analysis.Diagnostic {
	d := &dataflow{lives: l, in: map[*ssa.BasicBlock]values{}, points: map[ssa.Value]*ssa.Call{}, names: map[ssa.Value]string{}}
	for more := true; more; {
		more = false
		for _, b := range slices.Backward(f.Blocks) {
			if live := d.enter(b); len(live) != len(d.in[b]) {
				d.in[b], more = live, true
			}
		}
	}
	var found []analysis.Diagnostic
	for v, point := range d.points {
		at := v.Pos()
		if !at.IsValid() {
			at = point.Pos()
		}
		found = append(found, analysis.Diagnostic{Pos: at, Message: fmt.Sprintf("%s outlives the point on line %d; keep it in a field, or look it up again after the point",
			d.name(v), l.Fset.Position(point.Pos()).Line)})
	}
	slices.SortFunc(found, func(a, b analysis.Diagnostic) int {
		return int(a.Pos-b.Pos)*2 + strings.Compare(a.Message, b.Message)
	})
	return found
}

// enter is what is alive where a block begins, by what is alive where the next ones do.
func (d *dataflow) enter(b *ssa.BasicBlock) values {
	live := values{}
	for _, next := range b.Succs {
		for v := range d.in[next] {
			live[v] = true
		}
		for _, i := range next.Instrs {
			if phi, ok := i.(*ssa.Phi); ok {
				if v := phi.Edges[slices.Index(next.Preds, b)]; d.isTracked(v) {
					live[v] = true
				}
			}
		}
	}
	for _, i := range slices.Backward(b.Instrs) {
		d.before(i, live)
	}
	return live
}

// before makes what is alive after an instruction what is alive before it.
func (d *dataflow) before(i ssa.Instruction, live values) {
	if v, ok := i.(ssa.Value); ok {
		delete(live, v)
	}
	written := ssa.Value(nil)
	switch i := i.(type) {
	case *ssa.DebugRef:
		if o, ok := i.Object().(*types.Var); ok && !i.IsAddr && !o.IsField() {
			d.names[i.X] = o.Name()
		}
		return
	case *ssa.Phi:
		return // Its operands are used where they come from.
	case *ssa.Call:
		if d.lives.isPoint(&i.Call) {
			for v := range live {
				if first := d.points[v]; first == nil || i.Pos() < first.Pos() {
					d.points[v] = i
				}
			}
		}
	case *ssa.Store:
		if a, ok := i.Addr.(*ssa.Alloc); ok && isVariable(a) {
			delete(live, a)
			written = a
		}
	}
	for _, operand := range i.Operands(nil) {
		if v := *operand; v != nil && v != written && d.isTracked(v) {
			live[v] = true
		}
	}
}

func (d *dataflow) isTracked(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Parameter:
		return !d.lives.isWired(v)
	case ssa.Instruction:
		return !d.lives.isWired(v.(ssa.Value)) || !isPointer(v.(ssa.Value))
	}
	return false
}

// name is what the source calls a value.
func (d *dataflow) name(v ssa.Value) string {
	name := d.names[v]
	switch v := v.(type) {
	case *ssa.Parameter:
		name = v.Name()
	case *ssa.Phi:
		name = v.Comment
	case *ssa.Alloc:
		if isVariable(v) {
			name = v.Comment
		}
	}
	switch {
	case name == "":
		return "what is computed here"
	case strings.HasPrefix(name, "range"):
		return "how far a range loop is"
	}
	return name
}
