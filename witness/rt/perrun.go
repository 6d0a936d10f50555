package rt

import (
	"reflect"
	"sync"
)

var outside struct {
	sync.Mutex
	made map[reflect.Type]any
}

// PerRun returns what build made in this run, one of a type. Outside runs there is
// one for the process.
func PerRun[T any](build func() T) T {
	made := &outside.made
	if current() == nil {
		outside.Lock()
		defer outside.Unlock()
	} else {
		made = &active.made
	}
	if *made == nil {
		*made = map[reflect.Type]any{}
	}
	t := reflect.TypeFor[T]()
	v, ok := (*made)[t]
	if !ok {
		v = build()
		(*made)[t] = v
	}
	return v.(T)
}
