package rt

import (
	"reflect"
	"sync"
)

var outside struct {
	sync.Mutex
	made []made
}

// made is what PerRun made of a type.
type made struct {
	t reflect.Type
	v any
}

// PerRun returns what build made in this run, one of a type. Outside runs there is
// one for the process. It orders nothing for the race detector.
func PerRun[T any](build func() T) T {
	return perRun(reflect.TypeFor[T](), func() any { return build() }).(T)
}

func perRun(t reflect.Type, build func() any) any {
	all := &outside.made
	if current() == nil {
		outside.Lock()
		defer outside.Unlock()
	} else {
		all = &active.made
	}
	for _, m := range *all {
		if m.t == t {
			return m.v
		}
	}
	v := build()
	*all = append(*all, made{t, v})
	return v
}
