package rt

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// Point is a point before an operation on what stands at an address: "Load", of
// an "atomic". It reports whether the caller is in a run that goes on.
func Point(address unsafe.Pointer, ref any, kind, what string, write bool) bool {
	return PointBelow(1, address, ref, kind, what, write)
}

// PointBelow is Point for a function that so many functions of a shim call: its line is
// that of the code that calls them.
func PointBelow(shims int, address unsafe.Pointer, ref any, kind, what string, write bool) bool {
	g := current()
	if g == nil {
		return false
	}
	if active.killed {
		g.dying()
		return false
	}
	g.use = use{active.objectAt(address, kind, ref, 2+shims), what, write}
	g.at(&g.use)
	return true
}

// Polled says that the operation only looked, and changed nothing: who does so
// again and again gives the turn away.
func Polled() {
	if current() != nil {
		active.progress = false
	}
}

type use struct {
	o     *object
	what  string
	write bool
}

func (u *use) ways() int        { return 1 }
func (u *use) label(int) string { return u.what }
func (u *use) object() *object  { return u.o }
func (u *use) do(*goroutine, int) result {
	active.touch(u.o, u.write)
	return done
}

// Map is sync.Map. It goes through its keys in the order in which they came.
type Map struct {
	real   sync.Mutex
	values map[any]*entry
	order  []any
}

// entry is the value of a key. Who reads it comes after who wrote it.
type entry struct{ value any }

// do lets f take place, as a step of a run or under the lock. The race detector sees
// accesses of Go's maps, so in a run the search makes them.
func (m *Map) do(what string, write bool, skip int, f func()) {
	if g := current(); g != nil && !active.killed {
		op := &mapped{use: use{active.objectAt(unsafe.Pointer(m), "sync.Map", m, 1+skip), what, write}, f: f}
		if g.at(op); op.reason != nil {
			panic(op.reason)
		}
		return
	}
	m.real.Lock()
	defer m.real.Unlock()
	f()
}

type mapped struct {
	use
	f      func()
	reason any // it panicked
}

func (u *mapped) do(g *goroutine, way int) result {
	defer func() { u.reason = recover() }()
	u.use.do(g, way)
	u.f()
	return done
}

func (m *Map) set(key, value any) {
	if e := m.values[key]; e != nil {
		e.value = value
		return
	}
	if m.values == nil {
		m.values = map[any]*entry{}
	}
	m.values[key] = &entry{value}
	m.order = append(m.order, key)
}

func (m *Map) remove(key any) {
	if m.values[key] == nil {
		return
	}
	delete(m.values, key)
	kept := make([]any, 0, len(m.order))
	for _, k := range m.order {
		if k != key {
			kept = append(kept, k)
		}
	}
	m.order = kept
}

// get reads a key: nil without it. Who finds none comes after who removed it.
func (m *Map) get(key any) (value any, ok bool, from unsafe.Pointer) {
	if e := m.values[key]; e != nil {
		return e.value, true, unsafe.Pointer(e)
	}
	return nil, false, unsafe.Pointer(m)
}

// Load is that of sync.Map.
func (m *Map) Load(key any) (value any, ok bool) {
	var from unsafe.Pointer
	m.do("Load", false, 1, func() { value, ok, from = m.get(key) })
	Acquire(from)
	return value, ok
}

// change is an operation that writes: f makes of the value of a key another one, nil:
// none; or it leaves it.
func (m *Map) change(what string, key any, f func(value any, ok bool) (next any, write, keep bool)) (value any, ok bool) {
	var from, to unsafe.Pointer
	m.do(what, true, 2, func() {
		value, ok, from = m.get(key)
		next, write, keep := f(value, ok)
		switch {
		case !write:
			return
		case keep:
			m.set(key, next)
			to = unsafe.Pointer(m.values[key])
		default:
			m.remove(key)
			to = unsafe.Pointer(m)
		}
	})
	if Acquire(from); to != nil {
		Release(to)
	}
	return value, ok
}

// Store is that of sync.Map.
func (m *Map) Store(key, value any) {
	m.change("Store", key, func(any, bool) (any, bool, bool) { return value, true, true })
}

// Clear is that of sync.Map.
func (m *Map) Clear() {
	m.do("Clear", true, 1, func() { m.values, m.order = nil, nil })
	Release(unsafe.Pointer(m))
}

// LoadOrStore is that of sync.Map.
func (m *Map) LoadOrStore(key, value any) (actual any, loaded bool) {
	actual, loaded = m.change("LoadOrStore", key, func(_ any, ok bool) (any, bool, bool) { return value, !ok, true })
	if !loaded {
		actual = value
	}
	return actual, loaded
}

// LoadAndDelete is that of sync.Map.
func (m *Map) LoadAndDelete(key any) (value any, loaded bool) {
	return m.change("LoadAndDelete", key, func(any, bool) (any, bool, bool) { return nil, true, false })
}

// Delete is that of sync.Map.
func (m *Map) Delete(key any) {
	m.change("Delete", key, func(any, bool) (any, bool, bool) { return nil, true, false })
}

// Swap is that of sync.Map.
func (m *Map) Swap(key, value any) (previous any, loaded bool) {
	return m.change("Swap", key, func(any, bool) (any, bool, bool) { return value, true, true })
}

// CompareAndSwap is that of sync.Map.
func (m *Map) CompareAndSwap(key, old, new any) bool {
	is, ok := m.change("CompareAndSwap", key, func(is any, ok bool) (any, bool, bool) { return new, ok && is == old, true })
	return ok && is == old
}

// CompareAndDelete is that of sync.Map.
func (m *Map) CompareAndDelete(key, old any) bool {
	is, ok := m.change("CompareAndDelete", key, func(is any, ok bool) (any, bool, bool) { return nil, ok && is == old, false })
	return ok && is == old
}

// Range is that of sync.Map. Each key is looked at in a step of its own.
func (m *Map) Range(f func(key, value any) bool) {
	var order []any
	m.do("Range", false, 1, func() { order = append(order, m.order...) })
	for _, key := range order {
		if value, ok := m.Load(key); ok && !f(key, value) {
			return
		}
	}
}

// Pool is sync.Pool: last in, first out, and empty at the start of a run.
type Pool struct {
	New func() any

	real sync.Pool
	run  *run
	free []*entry
}

// Get is that of sync.Pool.
func (p *Pool) Get() any {
	if current() == nil {
		p.real.New = p.New
		return p.real.Get()
	}
	if p.run != active {
		p.run, p.free = active, nil
	}
	if n := len(p.free); n > 0 {
		e := p.free[n-1]
		p.free = p.free[:n-1]
		Acquire(unsafe.Pointer(e))
		return e.value
	}
	if p.New == nil {
		return nil
	}
	return p.New()
}

// Put is that of sync.Pool.
func (p *Pool) Put(v any) {
	switch {
	case v == nil:
	case current() == nil:
		p.real.Put(v)
	default:
		if p.run != active {
			p.run, p.free = active, nil
		}
		e := &entry{v}
		Release(unsafe.Pointer(e))
		p.free = append(p.free, e)
	}
}

// MapIter begins a range over a map: for it, k, v := rt.MapIter(m); it.Next(&k, &v); {.
// In a run the keys come in order: of their values, and those without an order in
// that of their first use. Or, by choice, the other way round, or from the middle on.
func MapIter[M ~map[K]V, K comparable, V any](m M) (*Keys[K, V], K, V) {
	it := &Keys[K, V]{m: m, keys: slices.Collect(maps.Keys(m))}
	if g := current(); g != nil {
		sortKeys(it.keys)
		it.keys = ordered(g, it.keys)
	}
	var k K
	var v V
	return it, k, v
}

// ordered lets the search choose the order of sorted keys.
func ordered[K any](g *goroutine, keys []K) []K {
	n := len(keys)
	if n < 2 || active.killed || active.calm > 0 || g.atomic {
		return keys
	}
	order := &ordering{n: n}
	g.at(order)
	switch order.way {
	case 1:
		slices.Reverse(keys)
	case 2:
		keys = slices.Concat(keys[n/2:], keys[:n/2])
	}
	return keys
}

// ordering is the begin of a range over a map of n keys.
type ordering struct{ n, way int }

func (o *ordering) ways() int { return min(o.n, 3) }
func (o *ordering) label(way int) string {
	return [...]string{"range", "range, the last key first", "range, from the middle on"}[way]
}
func (o *ordering) object() *object { return nil }
func (o *ordering) do(_ *goroutine, way int) result {
	o.way = way
	return done
}

// Keys is a range over a map.
type Keys[K comparable, V any] struct {
	m    map[K]V
	keys []K
}

// Next goes to the next key that is still there.
func (it *Keys[K, V]) Next(k *K, v *V) bool {
	for len(it.keys) > 0 {
		key := it.keys[0]
		it.keys = it.keys[1:]
		if value, ok := it.m[key]; ok || key != key {
			*k, *v = key, value
			return true
		}
	}
	return false
}

func sortKeys[K comparable](keys []K) {
	if len(keys) < 2 {
		return
	}
	switch k := any(keys).(type) {
	case []string:
		slices.Sort(k)
	case []int:
		slices.Sort(k)
	case []int32:
		slices.Sort(k)
	case []int64:
		slices.Sort(k)
	default:
		values := make([]reflect.Value, len(keys))
		for i := range keys {
			values[i] = reflect.ValueOf(&keys[i]).Elem()
		}
		sorted := slices.Clone(keys)
		order := make([]int, len(keys))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return compare(values[a], values[b]) })
		for i, from := range order {
			sorted[i] = keys[from]
		}
		copy(keys, sorted)
	}
}

// compare orders values of one type; of interfaces, by their types first.
func compare(a, b reflect.Value) int {
	switch a.Kind() {
	case reflect.String:
		return cmp.Compare(a.String(), b.String())
	case reflect.Bool:
		return cmp.Compare(fmt.Sprint(a.Bool()), fmt.Sprint(b.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cmp.Compare(a.Int(), b.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return cmp.Compare(a.Uint(), b.Uint())
	case reflect.Float32, reflect.Float64:
		return cmp.Compare(a.Float(), b.Float())
	case reflect.Struct:
		for i := range a.NumField() {
			if c := compare(a.Field(i), b.Field(i)); c != 0 {
				return c
			}
		}
	case reflect.Array:
		for i := range a.Len() {
			if c := compare(a.Index(i), b.Index(i)); c != 0 {
				return c
			}
		}
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return cmp.Compare(fmt.Sprint(!a.IsNil()), fmt.Sprint(!b.IsNil()))
		}
		a, b = a.Elem(), b.Elem()
		if c := cmp.Compare(a.Type().String(), b.Type().String()); c != 0 {
			return c
		}
		return compare(a, b)
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		x, y := uint64(uintptr(a.UnsafePointer())), uint64(uintptr(b.UnsafePointer()))
		return cmp.Compare(active.keys.get(x), active.keys.get(y))
	}
	return 0
}

// Key is the key of a map at m[k], where the type of k holds pointers: it gets a
// number when it is used first.
func Key[K comparable](k K) K {
	if current() != nil {
		number(reflect.ValueOf(&k).Elem())
	}
	return k
}

func number(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		p := v.UnsafePointer()
		if n, had := active.keys.at(uint64(uintptr(p))); !had {
			active.kept = append(active.kept, p)
			*n = len(active.kept)
		}
	case reflect.Interface:
		if !v.IsNil() {
			number(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			number(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			number(v.Index(i))
		}
	}
}

// NumGoroutine is runtime.NumGoroutine: in a run, of the run.
func NumGoroutine() int {
	if current() == nil {
		return runtime.NumGoroutine()
	}
	n := 0
	for _, g := range active.goroutines {
		if g.status != ended {
			n++
		}
	}
	return n
}

// Stack is runtime.Stack. In a process with runs there is the stack of the caller only:
// those of all others are the search's too, and what is left of a run is judged anyway.
func Stack(buf []byte, all bool) int { return runtime.Stack(buf, all && !searches) }

// searches says that this process makes runs.
var searches bool

// MapKeys is maps.Keys.
func MapKeys[M ~map[K]V, K comparable, V any](m M) iter.Seq[K] {
	return func(yield func(K) bool) {
		for it, k, v := MapIter(m); it.Next(&k, &v); {
			if !yield(k) {
				return
			}
		}
	}
}

// MapValues is maps.Values.
func MapValues[M ~map[K]V, K comparable, V any](m M) iter.Seq[V] {
	return func(yield func(V) bool) {
		for it, k, v := MapIter(m); it.Next(&k, &v); {
			if !yield(v) {
				return
			}
		}
	}
}

// MapAll is maps.All.
func MapAll[M ~map[K]V, K comparable, V any](m M) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for it, k, v := MapIter(m); it.Next(&k, &v); {
			if !yield(k, v) {
				return
			}
		}
	}
}

// Await parks the caller until ready holds, and reports whether the caller is in a
// run that goes on. ready has no points.
func Await(address unsafe.Pointer, ref any, kind, what string, ready func() bool) bool {
	g := current()
	if g == nil || active.killed {
		return false
	}
	g.at(&until{use{active.objectAt(address, kind, ref, 2), what, true}, ready})
	return true
}

type until struct {
	use
	ready func() bool
}

func (u *until) ways() int {
	if u.ready() {
		return 1
	}
	return 0
}
