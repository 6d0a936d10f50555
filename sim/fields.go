package sim

import (
	"fmt"
	"reflect"

	"racelab/sim/internal/hook"
)

// listWiring lists everything that must not change after the first step: pointers,
// interfaces, functions, and the fields tagged `sim:"config"`.
func (w *World) listWiring() []hook.Field {
	var fields []hook.Field
	w.survey(fixedFields, func(path string, v reflect.Value, kind surveyed) {
		if kind == configField || v.Kind() != reflect.Slice { // Of wiring, the elements are shown.
			fields = append(fields, hook.Field{Path: path, Value: printed(v)})
		}
	})
	return fields
}

// wiringHash is a hash of what listWiring lists. No path is put together for it.
func (w *World) wiringHash() uint64 {
	hash := uint64(0)
	look := func(_ string, v reflect.Value, kind surveyed) {
		switch v.Kind() {
		case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint64, reflect.String:
			hash = hashValue(hash, v)
		case reflect.Pointer, reflect.Func:
			hash = mix(hash, uint64(v.Pointer()))
		case reflect.Slice:
			if kind == configField {
				hash = mixString(hash, printed(v))
			}
		default:
			hash = mixString(hash, printed(v))
		}
	}
	(&planner{world: w, look: look, shows: fixedFields, nameless: true}).compile()
	return hash
}

// listFields prints the state of the model by the paths of its fields.
func (w *World) listFields() []hook.Field {
	var fields []hook.Field
	w.survey(stateField|objectField, func(path string, v reflect.Value, kind surveyed) {
		fields = append(fields, hook.Field{Path: path, Value: held(v, kind)})
	})
	return fields
}

// held prints what a part of the state holds.
func held(v reflect.Value, kind surveyed) string {
	if kind == objectField {
		return v.Addr().Interface().(holder).holds()
	}
	return printed(v)
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
	return fmt.Sprint(v.Interface())
}

func (w *World) nameObjects() {
	w.names = make([]string, len(w.objects))
	w.survey(objectField, func(path string, v reflect.Value, _ surveyed) {
		w.names[v.Addr().Interface().(objectHolder).bound().number-1] = path
	})
	for _, t := range w.objects {
		if r, ok := t.(*readHold); ok {
			w.names[r.number-1] = w.names[r.lock.number-1] + ".readers[" + w.tasks[r.task-1].name + "]"
		}
	}
}

// survey visits each field of some kinds that the plan sees.
func (w *World) survey(kinds surveyed, visit func(path string, v reflect.Value, kind surveyed)) {
	(&planner{world: w, look: visit, shows: kinds}).compile()
}

// refusal names the first field that no plan can carry, and what to do.
func (w *World) refusal() error {
	var err error
	w.survey(unsupported, func(path string, v reflect.Value, _ surveyed) {
		if err != nil {
			return
		}
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Map:
			err = fmt.Errorf("sim: %s is a map, whose order is random: use a slice, or a sim.List that tasks share, or tag it `sim:\"config\"` if it never changes", path)
		case reflect.Struct:
			if v.Type() == dateType {
				err = fmt.Errorf("sim: %s is a time.Time: a world has a clock of its own; keep a sim.Time, which Now of a node's Outbox or of a task gives", path)
				return
			}
			err = fmt.Errorf("sim: %s is a %s, which the search does not see: use the type of package sim; a node needs no lock", path, v.Type())
		case reflect.Chan:
			err = fmt.Errorf("sim: %s is a channel of Go's: use sim.Chan", path)
		default:
			err = fmt.Errorf("sim: %s is a %s, which no state can hold: use numbers, texts and slices, or tag it `sim:\"config\"` if it never changes", path, v.Type())
		}
	})
	return err
}
