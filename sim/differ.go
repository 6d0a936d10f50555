package sim

import (
	"fmt"
	"reflect"
	"strings"

	"racelab/sim/internal/hook"
)

// parts names what a saved state is made of. Moments are told by their distance from now.
func (w *World) parts(s *snapshot) []hook.StatePart {
	w.goTo(&snapshot{blocks: s.blocks})
	var l partList
	points := map[string]string{}
	for _, t := range w.tasks {
		point := "the end"
		switch {
		case t.gone:
			point = "down"
		case t.site != nil:
			point = t.site.point
		}
		points[t.name] = point
		l.add(t.name+".(place)", point)
	}
	for _, p := range w.claims {
		l.add(p.name+".(verdict)", p.violated)
	}
	w.survey(stateField|objectField, func(path string, v reflect.Value, kind surveyed) {
		switch {
		case v.Type() == reflect.TypeFor[Envelope]():
			l.envelope(path, v.Addr().Interface().(*Envelope))
		default:
			l.add(path, held(v, kind))
		}
	})
	for _, c := range w.conns {
		for i := range c.requests {
			l.envelope(fmt.Sprintf("%s[%d]", w.objectName(c.out.head.number), i), &c.requests[i])
		}
		for i := range c.responses {
			l.envelope(fmt.Sprintf("%s[%d]", w.objectName(c.in.head.number), i), &c.responses[i])
		}
	}
	for i, g := range w.plan.groups {
		if g.owner != nil {
			l.parts = append(l.parts, hook.StatePart{Path: w.objectName(g.owner.number), Rest: s.record(i).hash})
		}
	}
	for i := range l.parts {
		name, _, _ := strings.Cut(l.parts[i].Path, ".")
		l.parts[i].At = points[name]
	}
	return l.parts
}

type partList struct{ parts []hook.StatePart }

func (l *partList) add(path string, value any) {
	l.parts = append(l.parts, hook.StatePart{Path: path, Value: fmt.Sprint(value)})
}

func (l *partList) envelope(path string, e *Envelope) {
	if e.Message == nil {
		return
	}
	l.add(path+".of", e.From())
	l.message(path+"."+NameOf(e.Message), reflect.ValueOf(e.Message))
}

// message lists the contents of a message by their paths.
func (l *partList) message(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			l.add(path, "nil")
			return
		}
		l.message(path, v.Elem())
	case reflect.Struct:
		l.add(path, "") // It may have no fields.
		for i := range v.NumField() {
			l.message(path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			l.message(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		l.add(path, v)
	}
}
