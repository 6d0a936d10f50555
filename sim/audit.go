package sim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// Field is one field of the model as Audit and Fields see it.
type Field struct {
	Path  string // "om.poms[0].offset"
	Value string
}

// Audit compares the State walks with what is really there: it follows every
// pointer from what the world was given and names each field that no walk
// meets. A forgotten field is the worst bug a model can have: two states that
// differ only there would be taken for one.
//
// Only what exists can be compared, so audit a world at its start and again
// after some runs, when its slices hold something.
func (w *World) Audit() []error {
	w.Enabled()
	s := State{errand: auditing, world: w, seen: map[unsafe.Pointer]struct{}{}}
	w.State(&s)
	var missed []error
	w.survey(func(path string, v reflect.Value, kind surveyed) {
		_, met := s.seen[v.Addr().UnsafePointer()]
		switch {
		case kind == unsupported:
			missed = append(missed, fmt.Errorf("%s is a %s: no State walk can carry one", path, v.Type()))
		case (kind == stateField || kind == objectField) && !met:
			missed = append(missed, fmt.Errorf("%s is in no State walk: visit it, or tag it `sim:\"config\"` if it never changes", path))
		case kind == configField && met:
			missed = append(missed, fmt.Errorf("%s is tagged `sim:\"config\"`, and a State walk visits it", path))
		}
	})
	return missed
}

// Wiring lists everything that must not change after the first step: pointers,
// interfaces, functions, and the fields tagged `sim:"config"`.
func (w *World) Wiring() []Field {
	var fields []Field
	w.survey(func(path string, v reflect.Value, kind surveyed) {
		if kind == configField || kind == wiringField {
			fields = append(fields, Field{path, printed(v)})
		}
	})
	return fields
}

// Fields prints the state of the model: every field that State walks, by its
// path.
func (w *World) Fields() []Field {
	var fields []Field
	w.survey(func(path string, v reflect.Value, kind surveyed) {
		switch {
		case kind == objectField:
			o := reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Interface().(holder)
			fields = append(fields, Field{path, o.holds()})
		case kind == stateField && v.Kind() != reflect.Slice:
			fields = append(fields, Field{path, printed(v)})
		}
	})
	return fields
}

// holder is an object that can print what it holds.
type holder interface{ holds() string }

func printed(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		if v.Kind() == reflect.Interface {
			return v.Elem().Type().String()
		}
		return fmt.Sprintf("%x", v.Pointer())
	}
	// Unexported fields are read through their address.
	return fmt.Sprint(reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem().Interface())
}

func (w *World) nameObjects() {
	w.names = make([]string, len(w.things))
	w.survey(func(path string, v reflect.Value, kind surveyed) {
		if kind != objectField {
			return
		}
		o := (*object)(v.Addr().UnsafePointer())
		if o.number > 0 {
			w.names[o.number-1] = path
		}
	})
	for _, t := range w.things {
		if r, ok := t.(*readHold); ok {
			w.names[r.number-1] = w.names[r.lock.number-1] + ".readers[" + w.tasks[r.task-1].name + "]"
		}
	}
}

// surveyed is what a survey takes a field for.
type surveyed uint8

const (
	stateField  surveyed = iota
	objectField          // a Var, a Mutex, ...: its address is that of its object
	configField          // tagged `sim:"config"`
	wiringField          // a pointer, an interface, a function
	unsupported          // a map, a channel
)

// survey visits each field that can be reached from what the world was given.
func (w *World) survey(visit func(path string, v reflect.Value, kind surveyed)) {
	s := surveyor{visit: visit, been: map[unsafe.Pointer]bool{}}
	for _, structure := range w.shared {
		s.pointer(structure.name, reflect.ValueOf(structure.Stateful))
	}
	for _, m := range w.nodes {
		s.pointer(m.name, reflect.ValueOf(m.node))
	}
	for _, t := range w.tasks {
		s.pointer(t.name, reflect.ValueOf(t.program))
	}
	for _, watcher := range w.watchers {
		s.pointer(watcher.property.Name(), reflect.ValueOf(watcher.property))
	}
}

type surveyor struct {
	visit func(path string, v reflect.Value, kind surveyed)
	been  map[unsafe.Pointer]bool
}

var objectType = reflect.TypeFor[object]()

// ofThisPackage says whether the type is one of sim's own: its inside is the
// world's business.
func ofThisPackage(t reflect.Type) bool { return t.PkgPath() == objectType.PkgPath() }

func (s *surveyor) pointer(path string, v reflect.Value) {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct || ofThisPackage(v.Elem().Type()) && !isObject(v.Elem().Type()) {
		return
	}
	if s.been[v.UnsafePointer()] {
		return
	}
	s.been[v.UnsafePointer()] = true
	s.field(path, v.Elem(), stateField)
}

func isObject(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 || !ofThisPackage(t) {
		return false
	}
	first := t.Field(0).Type
	return first == objectType || first == reflect.TypeFor[channel]()
}

func (s *surveyor) field(path string, v reflect.Value, kind surveyed) {
	switch {
	case kind == configField:
		s.visit(path, v, configField)
		return
	case isObject(v.Type()):
		s.visit(path, v, objectField)
		return
	case v.Type() == reflect.TypeFor[Envelope](): // A request that a node has parked.
		s.visit(path, v, stateField)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			kind := stateField
			if f.Tag.Get("sim") == "config" {
				kind = configField
			}
			name := path + "." + f.Name
			if f.Anonymous {
				name = path
			}
			s.field(name, v.Field(i), kind)
		}
	case reflect.Pointer, reflect.Interface:
		s.visit(path, v, wiringField)
		s.pointer(path, v)
	case reflect.Func:
		s.visit(path, v, wiringField)
	case reflect.Slice:
		if slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Interface}, v.Type().Elem().Kind()) {
			// A slice of pointers is wiring as a whole.
		} else {
			s.visit(path, v, stateField)
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			s.field(fmt.Sprintf("%s[%d]", path, i), v.Index(i), stateField)
		}
	case reflect.Map, reflect.Chan, reflect.UnsafePointer, reflect.Uintptr:
		s.visit(path, v, unsupported)
	default:
		s.visit(path, v, stateField)
	}
}

// FirstDifference compares two lists of fields and names the first that differs.
func FirstDifference(was, is []Field) string {
	for i := range was {
		if i >= len(is) || was[i].Path != is[i].Path {
			return was[i].Path + " is gone"
		}
		if was[i] != is[i] {
			return strings.Join([]string{was[i].Path, "was", was[i].Value, "and is", is[i].Value}, " ")
		}
	}
	if len(is) > len(was) {
		return is[len(was)].Path + " is new"
	}
	return ""
}
