package sim

import (
	"reflect"
	"slices"
	"strings"

	"racelab/sim/internal/hook"
)

// Describer is a participant or a shared structure that shows something of
// itself in pictures. A value that is empty is not shown.
type Describer interface {
	Describe(show func(name, value string))
}

// show hands over what the participants and the shared structures show of themselves.
func (w *World) show(add func(of, name, value string)) {
	ask := func(of string, who any) {
		if d, ok := who.(Describer); ok {
			d.Describe(func(name, value string) { add(of, name, value) })
		}
	}
	for _, structure := range w.shared {
		ask(structure.name, structure.value)
	}
	if w.starts.number > 0 {
		w.showMemory(ask)
	}
	for _, t := range w.tasks {
		ask(t.name, t.program)
	}
	for _, m := range w.nodes {
		ask(m.name, m.node)
	}
}

// showMemory shows, in a world of functions, the variables that these share and
// nobody describes.
func (w *World) showMemory(ask func(of string, who any)) {
	described := func(path string) bool {
		return slices.ContainsFunc(w.shared, func(r root) bool {
			_, ok := r.value.(Describer)
			return ok && strings.HasPrefix(path, r.name+".")
		})
	}
	w.survey(objectField, func(path string, v reflect.Value, _ surveyed) {
		if described(path) {
			return
		}
		x := v.Addr().Interface().(objectHolder)
		if k := x.bound().kind; k == hook.Data || k == hook.Atom {
			ask(path, shown{x.(holder)})
		}
	})
}

// shown is an object as a participant that shows what it holds.
type shown struct{ holder }

func (s shown) Describe(show func(name, value string)) { show("", s.holds()) }
