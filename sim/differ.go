package sim

import (
	"strings"

	"racelab/sim/internal/hook"
)

// differences names the fields in which two saved states differ, those of a task with
// the point where it is parked in the first. Moments differ by their distance from
// now. What no field shows goes by the object's name.
func (w *World) differences(first, second *snapshot) []string {
	is := w.fieldsOf(first, first.now)
	points := map[string]string{}
	for _, t := range w.tasks {
		if points[t.name] = "the end"; t.site != nil {
			points[t.name] = t.site.point
		}
	}
	at := func(path string) string {
		name, _, _ := strings.Cut(path, ".")
		if point, ok := points[name]; ok {
			return path + ", at " + point
		}
		return path
	}
	other := map[string]string{}
	for _, f := range w.fieldsOf(second, first.now) {
		other[f.Path] = f.Value
	}
	var names []string
	shown := map[string]bool{} // by the paths that lead to a field
	add := func(path string) {
		names = append(names, at(path))
		for i, c := range path {
			if c == '.' || c == '[' {
				shown[path[:i]] = true
			}
		}
		shown[path] = true
	}
	for _, f := range is {
		if value, ok := other[f.Path]; !ok || value != f.Value {
			add(f.Path)
		}
		delete(other, f.Path)
	}
	for _, f := range w.fieldsOf(second, first.now) {
		if _, more := other[f.Path]; more {
			add(f.Path)
		}
	}
	for i, g := range w.plan.groups {
		if first.record(i).hash == second.record(i).hash || g.owner == nil {
			continue
		}
		if name := w.objectName(g.owner.number); !shown[name] {
			add(name)
		}
	}
	return names
}

// fieldsOf prints the fields of a saved state, as if it were some other time of day.
func (w *World) fieldsOf(s *snapshot, now Time) []hook.Field {
	w.goTo(&snapshot{now: now, blocks: s.blocks})
	return w.listFields()
}
