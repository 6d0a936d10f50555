package rt

import (
	"iter"
	"reflect"
	"slices"
	"unsafe"
)

// Value is a reflect.Value whose channel or map is under control.
type Value struct{ reflect.Value }

// Reflected begins an operation on a channel or a map: rt.Reflected(v).Recv() is v.Recv().
func Reflected(v reflect.Value) Value { return Value{v} }

// controlled says whether an operation is a step of a run. Otherwise it is reflect's own,
// which panics if the value is no channel that allows it.
func (v Value) controlled(d reflect.ChanDir) bool {
	return current() != nil && v.Kind() == reflect.Chan && v.CanInterface() && v.Type().ChanDir()&d != 0
}

// Recv is that of reflect.Value.
func (v Value) Recv() (reflect.Value, bool) {
	if !v.controlled(reflect.RecvDir) {
		return v.Value.Recv()
	}
	g := current()
	if active.killed {
		g.dying()
		return reflect.Zero(v.Type().Elem()), false
	}
	op := receives(v.Value)
	op.begins(unsafe.Pointer(op))
	g.at(op)
	op.ends()
	return op.v, op.ok
}

// Send is that of reflect.Value.
func (v Value) Send(x reflect.Value) {
	if !v.controlled(reflect.SendDir) {
		v.Value.Send(x)
		return
	}
	g := current()
	if active.killed {
		g.dying()
		return
	}
	reflect.Zero(v.Type()).TrySend(x) // panics if x does not fit
	op := sends(v.Value, x)
	op.begins(unsafe.Pointer(op))
	g.at(op)
	op.ends()
	op.fails()
	g.sends(op.ch)
}

// TryRecv is that of reflect.Value.
func (v Value) TryRecv() (reflect.Value, bool) {
	if !v.controlled(reflect.RecvDir) {
		return v.Value.TryRecv()
	}
	_, x, ok := ReflectSelect([]reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: v.Value}, {Dir: reflect.SelectDefault}})
	return x, ok
}

// TrySend is that of reflect.Value.
func (v Value) TrySend(x reflect.Value) bool {
	if !v.controlled(reflect.SendDir) {
		return v.Value.TrySend(x)
	}
	chosen, _, _ := ReflectSelect([]reflect.SelectCase{{Dir: reflect.SelectSend, Chan: v.Value, Send: x}, {Dir: reflect.SelectDefault}})
	return chosen == 0
}

// Close is that of reflect.Value.
func (v Value) Close() {
	if v.controlled(reflect.SendDir) && !v.IsNil() {
		g := current()
		if active.killed {
			g.dying()
			return
		}
		op := &closing{ch: channelAt(v.UnsafePointer(), v.Value, 1), close: v.Value.Close}
		if g.closes(op); op.close == nil {
			return
		}
	}
	v.Value.Close() // panics, as Go words it
}

// Seq is that of reflect.Value.
func (v Value) Seq() iter.Seq[reflect.Value] {
	switch {
	case v.controlled(reflect.RecvDir):
		return func(yield func(reflect.Value) bool) {
			for x, ok := v.Recv(); ok && yield(x); x, ok = v.Recv() {
			}
		}
	case v.Kind() == reflect.Map:
		return func(yield func(reflect.Value) bool) {
			for it := v.MapRange(); it.Next() && yield(it.Key()); {
			}
		}
	}
	return v.Value.Seq()
}

// Seq2 is that of reflect.Value.
func (v Value) Seq2() iter.Seq2[reflect.Value, reflect.Value] {
	if v.Kind() != reflect.Map {
		return v.Value.Seq2()
	}
	return func(yield func(k, x reflect.Value) bool) {
		for it := v.MapRange(); it.Next() && yield(it.Key(), it.Value()); {
		}
	}
}

// MapKeys is that of reflect.Value. The keys come in the order of a [MapIter].
func (v Value) MapKeys() []reflect.Value {
	keys := v.Value.MapKeys()
	if g := current(); g != nil {
		slices.SortStableFunc(keys, compare)
		keys = ordered(g, keys)
	}
	return keys
}

// MapRange is that of reflect.Value.
func (v Value) MapRange() *ReflectIter {
	if v.Kind() != reflect.Map {
		v.Value.MapRange() // panics, as Go words it
	}
	return &ReflectIter{m: v}
}

// SetIterKey is that of reflect.Value.
func (v Value) SetIterKey(it *ReflectIter) { v.Set(it.Key()) }

// SetIterValue is that of reflect.Value.
func (v Value) SetIterValue(it *ReflectIter) { v.Set(it.Value()) }

// ReflectIter is reflect.MapIter: it goes through the keys in the order of a [MapIter].
type ReflectIter struct {
	m     Value
	began bool
	keys  []reflect.Value // to come
	at    []reflect.Value // the key and the value; empty: none
}

// Reset is that of reflect.MapIter.
func (it *ReflectIter) Reset(v reflect.Value) { *it = ReflectIter{m: Value{v}} }

// Next goes to the next key that is still there.
func (it *ReflectIter) Next() bool {
	if !it.m.IsValid() {
		panic("MapIter.Next called on an iterator that does not have an associated map Value")
	}
	if it.began && len(it.at) == 0 {
		panic("MapIter.Next called on exhausted iterator")
	}
	if !it.began {
		it.began, it.keys = true, it.m.MapKeys()
	}
	for len(it.keys) > 0 {
		key := it.keys[0]
		it.keys = it.keys[1:]
		if value := it.m.MapIndex(key); value.IsValid() {
			it.at = []reflect.Value{key, value}
			return true
		}
	}
	it.at = nil
	return false
}

func (it *ReflectIter) half(i int, what string) reflect.Value {
	switch {
	case !it.began:
		panic("MapIter." + what + " called before Next")
	case len(it.at) == 0:
		panic("MapIter." + what + " called on exhausted iterator")
	}
	return it.at[i]
}

// Key is that of reflect.MapIter.
func (it *ReflectIter) Key() reflect.Value { return it.half(0, "Key") }

// Value is that of reflect.MapIter.
func (it *ReflectIter) Value() reflect.Value { return it.half(1, "Value") }

// ReflectSelect is reflect.Select.
func ReflectSelect(cases []reflect.SelectCase) (chosen int, v reflect.Value, ok bool) {
	if current() == nil {
		return reflect.Select(cases)
	}
	fits(cases)
	other := -1
	var all []Case
	var numbers []int // in cases
	for i, c := range cases {
		switch {
		case c.Dir == reflect.SelectDefault:
			other = i
			continue
		case c.Dir == reflect.SelectSend && c.Chan.IsValid():
			all = append(all, sends(c.Chan, c.Send))
		default:
			all = append(all, receives(c.Chan))
		}
		numbers = append(numbers, i)
	}
	i := Select(other >= 0, all...)
	if i < 0 {
		return other, v, false
	}
	if r, is := all[i].(*reflectRecv); is {
		v, ok = r.v, r.ok
	}
	return numbers[i], v, ok
}

// fits panics, as reflect.Select does, if cases are none: nothing is received from and
// sent on nil channels of their types.
func fits(cases []reflect.SelectCase) {
	dry := slices.Clone(cases)
	for i, c := range dry {
		if c.Chan.IsValid() && c.Chan.Kind() == reflect.Chan && c.Chan.CanInterface() {
			dry[i].Chan = reflect.Zero(c.Chan.Type())
		}
	}
	if !slices.ContainsFunc(dry, func(c reflect.SelectCase) bool { return c.Dir == reflect.SelectDefault }) {
		dry = append(dry, reflect.SelectCase{Dir: reflect.SelectDefault})
	}
	reflect.Select(dry)
}

// reflectCase is what a send and a receive have in common.
type reflectCase struct {
	clock
	c  reflect.Value
	ch *channel
}

// caseOf is a case with a channel; the zero value is none.
func caseOf(c reflect.Value) (r reflectCase) {
	if r.c = c; c.IsValid() && !active.killed {
		r.ch = channelAt(c.UnsafePointer(), c, 3)
	}
	return r
}

func (r *reflectCase) channel() *channel          { return r.ch }
func (r *reflectCase) native() reflect.SelectCase { panic("rt: a case of reflect outside a run") }
func (r *reflectCase) took(reflect.Value, bool)   {}
func (r *reflectCase) ways() int {
	if r.ch == nil {
		return 0
	}
	return 1
}
func (r *reflectCase) object() *object {
	if r.ch == nil {
		return nil
	}
	return r.ch.object
}

// reflectSend is a SendCase by package reflect.
type reflectSend struct {
	reflectCase
	v      reflect.Value // a copy, in memory of its own
	panics bool
}

func sends(c, v reflect.Value) *reflectSend {
	copied := reflect.New(c.Type().Elem()).Elem()
	copied.Set(v)
	return &reflectSend{reflectCase: caseOf(c), v: copied}
}

func (s *reflectSend) fails()              { (&SendCase[bool]{panics: s.panics}).fails() }
func (s *reflectSend) fill(unsafe.Pointer) {}
func (s *reflectSend) push()               { s.c.TrySend(s.v) }
func (s *reflectSend) value() unsafe.Pointer {
	return s.v.Addr().UnsafePointer()
}
func (s *reflectSend) cut() { s.panics = true }
func (s *reflectSend) isReady() bool {
	return s.ch != nil && (s.ch.closed || s.ch.recvq.waits() || s.c.Len() < s.c.Cap())
}

func (s *reflectSend) complete() bool {
	switch {
	case s.ch.closed:
		s.panics = true
		return true
	case s.c.Len() == 0:
		if w := s.ch.recvq.first(); w != nil {
			w.end.fill(s.value())
			s.meets(w.end.clocks())
			w.served()
			return true
		}
	}
	if !s.c.TrySend(s.v) {
		return false
	}
	s.puts(&s.ch.order, s.c.Cap())
	return true
}

func (s *reflectSend) enqueue(w *waiter) {
	if s.ch != nil {
		w.end = s
		s.ch.sendq = append(s.ch.sendq, w)
	}
}
func (s *reflectSend) verb() string                  { return "send" }
func (s *reflectSend) label(int) string              { return "send" }
func (s *reflectSend) do(g *goroutine, _ int) result { return one(s, g) }
func (s *reflectSend) wake() bool                    { return s.ch != nil && s.complete() }

// reflectRecv is a RecvCase by package reflect.
type reflectRecv struct {
	reflectCase
	v     reflect.Value
	ok    bool
	taken bool
}

func receives(c reflect.Value) *reflectRecv { return &reflectRecv{reflectCase: caseOf(c)} }

func (r *reflectRecv) fill(value unsafe.Pointer) {
	r.v, r.ok = reflect.NewAt(r.c.Type().Elem(), value).Elem(), true
}
func (r *reflectRecv) push()                 {}
func (r *reflectRecv) value() unsafe.Pointer { return nil }

// look receives from a channel that code outside the run closed or filled.
func (r *reflectRecv) look() {
	if r.taken || r.ch.closed || r.c.Len() > 0 {
		return
	}
	raceOn()
	defer raceOff()
	v, ok := r.c.TryRecv()
	if !v.IsValid() {
		return
	}
	at := unsafe.Pointer(new(byte))
	Release(at)
	if !ok {
		r.ch.closed, r.ch.order.closed = true, at
		return
	}
	r.v, r.ok, r.taken, r.after = v, ok, true, at
}

func (r *reflectRecv) isReady() bool {
	if r.ch == nil {
		return false
	}
	r.look()
	return r.taken || r.ch.closed || r.c.Len() > 0 || r.ch.sendq.waits()
}

func (r *reflectRecv) complete() bool {
	if r.look(); r.taken {
		return true
	}
	if r.c.Len() == 0 && !r.ch.closed {
		w := r.ch.sendq.first()
		if w == nil {
			return false
		}
		r.fill(w.end.value())
		r.meets(w.end.clocks())
		w.served()
		return true
	}
	if r.after = r.ch.order.closed; r.c.Len() > 0 {
		r.takes(&r.ch.order)
	}
	r.v, r.ok = r.c.TryRecv()
	if r.ch.closed {
		return true
	}
	if w := r.ch.sendq.first(); w != nil {
		w.end.push()
		w.end.clocks().puts(&r.ch.order, r.c.Cap())
		w.served()
	}
	return true
}

func (r *reflectRecv) enqueue(w *waiter) {
	if r.ch != nil {
		w.end = r
		r.ch.recvq = append(r.ch.recvq, w)
	}
}
func (r *reflectRecv) verb() string                  { return "receive" }
func (r *reflectRecv) label(int) string              { return "receive" }
func (r *reflectRecv) do(g *goroutine, _ int) result { return one(r, g) }
func (r *reflectRecv) wake() bool                    { return r.isReady() && r.complete() }
