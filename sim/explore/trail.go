package explore

// trail is the steps of the current execution, by their numbers: where they are on the
// stack. Executions are long, and a step conflicts with few others.
type trail struct {
	objects [][]touch // by object
	threads [][]int32 // by thread
	walks   []walk
}

// touch is a step that has touched an object.
type touch struct {
	step  int32
	wrote int32 // where among those that touched it the last is that wrote, itself included; -1: none
}

// last is where the last touch of an object is, or the last of those that wrote it; -1:
// there is none.
func (t *trail) last(object int, writes bool) (list []touch, at int32) {
	if object >= len(t.objects) || len(t.objects[object]) == 0 {
		return nil, -1
	}
	list = t.objects[object]
	if at = int32(len(list)) - 1; writes {
		at = list[at].wrote
	}
	return list, at
}

// reach makes a list have an n-th element.
func reach[T any](list []T, n int) []T {
	if n < len(list) {
		return list
	}
	return append(list, make([]T, n+1-len(list))...)
}

// enter enters the step of the last frame.
func (d *dpor) enter(f *frame) {
	t, step := &d.trail, int32(len(d.stack))-1
	for _, a := range f.step {
		t.objects = reach(t.objects, a.Object)
		list := t.objects[a.Object]
		at := int32(len(list)) - 1
		if at < 0 || list[at].step != step {
			_, wrote := t.last(a.Object, true)
			list = append(list, touch{step, wrote})
			at++
		}
		if a.Write {
			list[at].wrote = at
		}
		t.objects[a.Object] = list
	}
	p := f.taken.Thread
	t.threads = reach(t.threads, p)
	t.threads[p] = append(t.threads[p], step)
	d.beside(f, 1)
}

// leave takes the last step out again.
func (d *dpor) leave(f *frame) {
	d.beside(f, -1)
	t, step := &d.trail, int32(len(d.stack))-1
	for _, a := range f.step {
		if list := t.objects[a.Object]; len(list) > 0 && list[len(list)-1].step == step {
			t.objects[a.Object] = list[:len(list)-1]
		}
	}
	p := f.taken.Thread
	t.threads[p] = t.threads[p][:len(t.threads[p])-1]
}

// beside counts a step, the last, for those that it does not come after: once more, or once
// less.
func (d *dpor) beside(f *frame, times int) {
	for thread, steps := range d.trail.threads {
		if len(steps) == 0 {
			continue // The clock may be older than what is known of the thread.
		}
		for _, step := range steps[f.clock[thread]:] {
			d.stack[step].beside += times
		}
	}
}

// walk goes through the steps that touched an object, backwards: all, or those that wrote.
type walk struct {
	list   []touch
	at     int32
	writes bool
}

func (w *walk) next() {
	if w.at--; w.writes && w.at >= 0 {
		w.at = w.list[w.at].wrote
	}
}

// pass passes over a step. Of a step that wrote, last says that nothing before it counts:
// whatever touched the object comes before it, too.
func (w *walk) pass(last bool) {
	if last && w.list[w.at].wrote == w.at {
		w.at = -1
		return
	}
	w.next()
}

// settle passes over steps that are before a clock, and over those which are surely not
// reversible with one of a thread: all that was taken since comes after them, and the thread
// could not move before them.
func (w *walk) settle(d *dpor, before []int32, thread int) {
	for w.at >= 0 {
		e := d.stack[w.list[w.at].step]
		first := isBefore(e, before)
		if !first && (e.beside > 0 || e.threads.has(thread)) {
			return
		}
		w.pass(first)
	}
}

// conflicts visits the steps that f depends on and that are not before a clock, the last
// first, but for those that are surely not reversible with it. Visit says whether those that
// come before a step need no visit.
func (d *dpor) conflicts(f *frame, before []int32, visit func(step int32) (last bool)) {
	walks, p := d.trail.walks[:0], f.taken.Thread
	for _, a := range f.step {
		list, at := d.trail.last(a.Object, !a.Write)
		w := walk{list, at, !a.Write}
		if w.settle(d, before, p); w.at >= 0 {
			walks = append(walks, w)
		}
	}
	d.trail.walks = walks
	for {
		step := int32(-1)
		for i := range walks {
			if w := &walks[i]; w.at >= 0 {
				step = max(step, w.list[w.at].step)
			}
		}
		if step < 0 {
			return
		}
		last := visit(step)
		for i := range walks {
			if w := &walks[i]; w.at >= 0 && w.list[w.at].step == step {
				w.pass(last)
				w.settle(d, before, p)
			}
		}
	}
}
