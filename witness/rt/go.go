package rt

import (
	"runtime"
	"slices"
	"strings"
)

// Go is the statement go f(). name is the source text of what is called.
func Go(name string, f func()) {
	if current() == nil && (active == nil || !active.firing) {
		outsiders.live.Add(1)
		go func() {
			defer outsiders.live.Add(-1)
			f()
		}()
		return
	}
	if active.killed {
		return
	}
	g := active.start(name, f)
	if len(Atomic) > 0 {
		var pc [1]uintptr
		runtime.Callers(2, pc[:])
		g.atomic = slices.ContainsFunc(Atomic, func(path string) bool { return strings.HasPrefix(at(pc[0]).path, path+".") })
	}
}

// Block is select {}.
func Block() {
	g := current()
	if g == nil {
		select {}
	}
	if active.killed {
		runtime.Goexit()
	}
	g.queue(&queued{nil, "select {}"}, 1)
}
