package rt

import "runtime"

// Go is the statement go f(). name is the source text of what is called.
func Go(name string, f func()) {
	if current() == nil && (active == nil || !active.firing) {
		go f()
		return
	}
	if active.killed {
		return
	}
	active.start(name, f)
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
