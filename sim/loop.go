package sim

import "fmt"

// Loop is for a loop that need not end. Each turn begins at a point of that name:
//
//	for range t.Loop("poll") {
//		...
//	}
//
// Its turns must not pass anything to the next one in a local variable: whatever a turn
// needs of those before is in a Var or another object. So the search may forget what
// earlier turns were given, and comes back to states that it has seen. What the function
// had before the loop, it has in each turn; what the last turn has found, it has after the
// loop. The analyzer liveness finds a local variable that is passed on after all.
//
// A loop that is left and come to again, as that of a spin lock which a function takes
// twice, is another loop, with another past.
//
// Without Loop, a search of all states ends, unfinished, once it sees that a function
// can do 1,000 operations in a run.
func (t *Task) Loop(name string) func(turn func() bool) {
	if t.program != nil {
		panic(fmt.Sprintf("sim: task %s is a program, and has its state in fields: it has no use for Loop", t.name))
	}
	return func(turn func() bool) {
		for loop := t.enters(name); loop != nil; loop = t.turns(loop) {
			if t.Step(name); !turn() {
				return
			}
		}
	}
}

// enters begins the first turn of a loop or, where the function runs again, that in which it
// was. It is nil if the coroutine ends.
func (t *Task) enters(name string) *origin {
	c := t.coroutine
	switch r := &c.rerun; {
	case r.killed:
		return nil
	case len(r.left) > 0:
		first := r.left[0]
		if first.before != nil || !first.origin.loop || first.name != name {
			r.fail(fmt.Sprintf("it comes to the loop %q instead of %q", name, first.name))
		}
		r.left = r.left[1:]
		return first.origin
	}
	c.mustNotRerun()
	loop := &origin{name: name, loop: true, after: t.log}
	t.log = newOrigin(*loop)
	return loop
}

// turns begins another turn, and forgets those before. It is nil if the coroutine ends.
func (t *Task) turns(loop *origin) *origin {
	switch r := &t.coroutine.rerun; {
	case r.killed:
		return nil
	case r.on:
		r.fail(fmt.Sprintf("it begins another turn of %q", loop.name))
	}
	t.log = newOrigin(*loop)
	return loop
}

// overLoop is what to suspect besides of a task that is in a turn of a Loop.
func (t *Task) overLoop() string {
	if t == nil || t.log == nil || !t.log.origin.loop {
		return ""
	}
	return fmt.Sprintf("; or what %s keeps in a local variable over Loop(%q)", t.name, t.log.origin.name)
}
