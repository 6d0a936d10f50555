package sim

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// planner compiles a plan or, if look is set, shows to it all that a plan sees.
type planner struct {
	world    *World
	been     map[place]int // the root by which it was reached
	own      *group        // whose the fields are
	root     int
	late     []target // pointers to what may be a part of something else
	look     func(path string, v reflect.Value, kind surveyed)
	shows    surveyed                             // the kinds of fields that look is for
	nameless bool                                 // look asks for no paths
	both     func(path string, first, second int) // a shared root reaches what another one has
	bad      bool
}

type place struct {
	at    unsafe.Pointer
	shape *typeShape
}

type target struct {
	path  string
	shape *typeShape
	at    unsafe.Pointer
	own   *group
	root  int
}

// roots lists where walks begin.
func (w *World) roots() []root {
	roots := slices.Clone(w.shared)
	for _, m := range w.nodes {
		roots = append(roots, root{m.name, m.node, m})
	}
	for _, t := range w.tasks {
		roots = append(roots, root{t.name, t.program, t})
	}
	for _, p := range w.claims {
		roots = append(roots, root{p.name, p.memory, p})
	}
	return roots
}

// compile makes the plan of all roots.
func (p *planner) compile() {
	p.been = make(map[place]int, p.world.plan.like.places)
	roots := p.world.roots()
	at := func(r root) (place, bool) {
		v := reflect.ValueOf(r.value)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return place{}, false
		}
		return place{v.UnsafePointer(), p.shapeOf(v.Type().Elem())}, true
	}
	for i, r := range roots {
		if x, ok := at(r); ok {
			if first, twice := p.been[x]; twice {
				p.meets(r.name, first, i)
				continue
			}
			p.been[x] = i
		}
	}
	for i, r := range roots {
		p.root = i
		if p.look == nil {
			p.own = p.world.groupOf(r, i)
		}
		if x, ok := at(r); ok && p.been[x] == i {
			p.inside(r.name, x.shape, x.at)
		}
	}
	p.finish()
	p.sleepers()
	if p.look == nil {
		p.world.plan.sizes.places = len(p.been)
	}
}

// groupOf makes the group of a root's own fields, with what the world itself keeps of
// its owner.
func (w *World) groupOf(r root, i int) *group {
	if r.owner == nil {
		return w.plan.group(nil, i)
	}
	r.owner.prepare(w)
	w.bind(r.owner)
	g := w.plan.group(r.owner.bound(), i)
	switch owner := r.owner.(type) {
	case *nodeState:
		owner.layout(g)
	case *Task:
		g.special(owner, false)
	case *Property:
		g.add(word8, unsafe.Pointer(&owner.violated))
	}
	return g
}

// finish walks the targets of pointers that no root has.
func (p *planner) finish() {
	if len(p.late) == 0 {
		return
	}
	had := map[unsafe.Pointer]bool{}
	if p.look == nil {
		for _, g := range p.world.plan.groups {
			for i := range g.slots {
				had[g.slots[i].at] = true
			}
		}
	}
	for i := 0; i < len(p.late); i++ { // It may grow.
		if x := p.late[i]; !had[x.at] {
			had[x.at] = true
			p.own, p.root = x.own, x.root
			p.inside(x.path, x.shape, x.at)
		}
	}
}

// seal ends the making of a plan: from now on, what a step touches is marked.
func (w *World) seal() {
	w.plan.sizes.wires = len(w.plan.wires)
	for _, g := range w.plan.groups {
		w.plan.sizes.slots = append(w.plan.sizes.slots, len(g.slots))
		w.plan.sizes.all += len(g.slots)
	}
	groups := slices.DeleteFunc(w.plan.groups, func(g *group) bool { return len(g.slots) == 0 })
	w.plan.groups, w.records = groups, make([]*record, len(groups))
	n := (len(groups) + blockSize - 1) / blockSize
	w.blocks, w.loose = make([]*block, n), make([]bool, n)
	for i, g := range groups {
		g.number = i
		if slices.ContainsFunc(g.slots, isMoment) {
			w.plan.moments = append(w.plan.moments, g)
		}
		if g.owner == nil {
			w.plan.unmarked = append(w.plan.unmarked, g)
		} else {
			g.owner.groups = append(g.owner.groups, g)
		}
	}
	for _, c := range w.conns {
		// Who sends touches one end only, and changes what arrives at the other.
		c.out.tail.groups = append(c.out.tail.groups, c.out.head.groups...)
		c.in.tail.groups = append(c.in.tail.groups, c.in.head.groups...)
	}
}

// value walks what lies at an address.
func (p *planner) value(path string, sh *typeShape, at unsafe.Pointer) {
	if sh.plain && p.shows == fixedFields {
		return // Nothing in it is fixed.
	}
	switch sh.sort {
	case aStruct, anObject:
		x := place{at, sh}
		if by, been := p.been[x]; been && sh.typ.Size() > 0 {
			p.meets(path, by, p.root)
			return
		}
		p.been[x] = p.root
	}
	p.inside(path, sh, at)
}

// inside walks what lies at an address at which the walk has not been.
func (p *planner) inside(path string, sh *typeShape, at unsafe.Pointer) {
	switch sh.sort {
	case aLeaf:
		if !p.shown(path, sh, at, stateField) {
			p.own.add(sh.op, at)
		}
	case anObject:
		p.object(path, sh, at)
	case aStruct:
		p.fields(path, sh, at)
	case anArray:
		for i := range sh.typ.Len() {
			p.value(p.index(path, i), sh.elem, unsafe.Add(at, uintptr(i)*sh.elem.typ.Size()))
		}
	case aSlice:
		p.slice(path, sh, at)
	case aPointer:
		p.wire(path, sh, at, 1)
		p.follow(path, sh.typ.Elem(), *(*unsafe.Pointer)(at))
	case anInterface:
		p.wire(path, sh, at, 2)
		switch v := reflect.NewAt(sh.typ, at).Elem().Elem(); v.Kind() {
		case reflect.Pointer:
			p.follow(path, v.Type().Elem(), v.UnsafePointer())
		case reflect.Map, reflect.Chan:
			p.bad = true
			p.shown(path, sh, at, unsupported)
		}
	case aFunction:
		p.wire(path, sh, at, 1)
	case refused:
		p.bad = true
		p.shown(path, sh, at, unsupported)
	}
}

// shown shows something, if that is what the walk is for.
func (p *planner) shown(path string, sh *typeShape, at unsafe.Pointer, kind surveyed) bool {
	if p.look == nil {
		return false
	}
	if p.shows&kind != 0 {
		p.look(path, reflect.NewAt(sh.typ, at).Elem(), kind)
	}
	return true
}

func (p *planner) index(path string, i int) string {
	if p.look == nil || p.nameless {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

func (p *planner) fields(path string, sh *typeShape, at unsafe.Pointer) {
	for i := range sh.fields {
		f := &sh.fields[i]
		name := path
		if p.look != nil && !p.nameless && f.name != "" {
			name += "." + f.name
		}
		if f.config {
			p.shown(name, f.shape, unsafe.Add(at, f.offset), configField)
			continue
		}
		p.value(name, f.shape, unsafe.Add(at, f.offset))
	}
}

// object walks an object: its fields are its own.
func (p *planner) object(path string, sh *typeShape, at unsafe.Pointer) {
	if p.shown(path, sh, at, objectField) {
		return
	}
	t := reflect.NewAt(sh.typ, at).Interface().(objectHolder)
	t.prepare(p.world)
	p.world.bind(t)
	own := p.own
	p.own = p.world.plan.group(t.bound(), p.root)
	p.fields(path, sh, at)
	p.own = own
}

// slice walks a slice: as state, or as wiring if its elements are.
func (p *planner) slice(path string, sh *typeShape, at unsafe.Pointer) {
	if sh.elem.bad {
		p.bad = true
		p.shown(path, sh, at, unsupported)
		return
	}
	if sh.elem.plain && p.look == nil {
		p.own.slots = append(p.own.slots, slot{at: at, op: list, elem: sh.parts})
		return
	}
	if !sh.elem.plain {
		p.wire(path, sh, at, 3)
	}
	s := (*sliceHeader)(at)
	for i := range s.len {
		p.value(p.index(path, i), sh.elem, unsafe.Add(s.data, uintptr(i)*sh.elem.typ.Size()))
	}
}

// wire notes what must not change.
func (p *planner) wire(path string, sh *typeShape, at unsafe.Pointer, words int) {
	if !p.shown(path, sh, at, wiringField) {
		x := fixed{at: at, n: words}
		x.was = x.is()
		p.world.plan.wires = append(p.world.plan.wires, x)
	}
}

// follow walks what a pointer leads to, if no walk has been there.
func (p *planner) follow(path string, t reflect.Type, to unsafe.Pointer) {
	switch {
	case to == nil:
	case t.Kind() != reflect.Struct:
		p.late = append(p.late, target{path, p.shapeOf(t), to, p.own, p.root})
	case isObject(t) || isMadeOfObjects(t) || !isInside(t):
		p.value(path, p.shapeOf(t), to)
	}
}

// meets notes that a shared root reaches what another one has.
func (p *planner) meets(path string, first, second int) {
	if p.both != nil && first != second && max(first, second) < len(p.world.shared) {
		p.both(path, first, second)
	}
}

// shapeOf is the shape of a type that the walk comes to.
func (p *planner) shapeOf(t reflect.Type) *typeShape {
	sh := p.world.plan.shapes.of(t)
	p.world.clock.used = p.world.clock.used || sh.times
	return sh
}

// sleepers gives each function the timer by which it sleeps, if there is a clock.
func (p *planner) sleepers() {
	w := p.world
	if p.look != nil || !w.clock.used && len(w.timers.single)+len(w.timers.alarms) == 0 {
		return
	}
	for i, r := range w.roots() {
		if t, ok := r.owner.(*Task); ok && t.program == nil {
			p.root, t.sleeps.label = i, fmt.Sprintf("%s.sleep", t.label)
			p.object("", p.shapeOf(reflect.TypeFor[Timer]()), unsafe.Pointer(&t.sleeps))
		}
	}
}

// surveyed is what a plan takes a field for.
type surveyed uint8

const (
	stateField  surveyed = 1 << iota
	objectField          // a Var, a Mutex, ...
	configField          // not walked, by its tag
	wiringField          // a pointer, an interface, a function, a slice of wiring
	unsupported          // a map, a channel

	fixedFields = configField | wiringField
)
