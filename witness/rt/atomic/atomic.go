// Package atomic is sync/atomic for code under control: each operation is a point.
package atomic

import (
	"sync/atomic"
	"unsafe"

	"racelab/witness/rt"
)

func at[T any](addr *T, what string, write bool) {
	rt.PointBelow(1, unsafe.Pointer(addr), addr, "atomic", what, write)
}

// Int32 is atomic.Int32.
type Int32 struct{ v atomic.Int32 }

// Load is that of atomic.Int32.
func (x *Int32) Load() int32 { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Int32.
func (x *Int32) Store(v int32) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Int32.
func (x *Int32) Swap(v int32) int32 { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Int32.
func (x *Int32) CompareAndSwap(old, new int32) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Add is that of atomic.Int32.
func (x *Int32) Add(d int32) int32 { at(x, "Add", true); return x.v.Add(d) }

// And is that of atomic.Int32.
func (x *Int32) And(mask int32) int32 { at(x, "And", true); return x.v.And(mask) }

// Or is that of atomic.Int32.
func (x *Int32) Or(mask int32) int32 { at(x, "Or", true); return x.v.Or(mask) }

// LoadInt32 is atomic.LoadInt32.
func LoadInt32(addr *int32) int32 {
	at(addr, "Load", false)
	v := atomic.LoadInt32(addr)
	rt.Polled()
	return v
}

// StoreInt32 is atomic.StoreInt32.
func StoreInt32(addr *int32, v int32) { at(addr, "Store", true); atomic.StoreInt32(addr, v) }

// SwapInt32 is atomic.SwapInt32.
func SwapInt32(addr *int32, v int32) int32 { at(addr, "Swap", true); return atomic.SwapInt32(addr, v) }

// CompareAndSwapInt32 is atomic.CompareAndSwapInt32.
func CompareAndSwapInt32(addr *int32, old, new int32) bool {
	at(addr, "CompareAndSwap", true)
	return swapped(atomic.CompareAndSwapInt32(addr, old, new))
}

// AddInt32 is atomic.AddInt32.
func AddInt32(addr *int32, d int32) int32 { at(addr, "Add", true); return atomic.AddInt32(addr, d) }

// AndInt32 is atomic.AndInt32.
func AndInt32(addr *int32, mask int32) int32 {
	at(addr, "And", true)
	return atomic.AndInt32(addr, mask)
}

// OrInt32 is atomic.OrInt32.
func OrInt32(addr *int32, mask int32) int32 { at(addr, "Or", true); return atomic.OrInt32(addr, mask) }

// Int64 is atomic.Int64.
type Int64 struct{ v atomic.Int64 }

// Load is that of atomic.Int64.
func (x *Int64) Load() int64 { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Int64.
func (x *Int64) Store(v int64) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Int64.
func (x *Int64) Swap(v int64) int64 { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Int64.
func (x *Int64) CompareAndSwap(old, new int64) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Add is that of atomic.Int64.
func (x *Int64) Add(d int64) int64 { at(x, "Add", true); return x.v.Add(d) }

// And is that of atomic.Int64.
func (x *Int64) And(mask int64) int64 { at(x, "And", true); return x.v.And(mask) }

// Or is that of atomic.Int64.
func (x *Int64) Or(mask int64) int64 { at(x, "Or", true); return x.v.Or(mask) }

// LoadInt64 is atomic.LoadInt64.
func LoadInt64(addr *int64) int64 {
	at(addr, "Load", false)
	v := atomic.LoadInt64(addr)
	rt.Polled()
	return v
}

// StoreInt64 is atomic.StoreInt64.
func StoreInt64(addr *int64, v int64) { at(addr, "Store", true); atomic.StoreInt64(addr, v) }

// SwapInt64 is atomic.SwapInt64.
func SwapInt64(addr *int64, v int64) int64 { at(addr, "Swap", true); return atomic.SwapInt64(addr, v) }

// CompareAndSwapInt64 is atomic.CompareAndSwapInt64.
func CompareAndSwapInt64(addr *int64, old, new int64) bool {
	at(addr, "CompareAndSwap", true)
	return swapped(atomic.CompareAndSwapInt64(addr, old, new))
}

// AddInt64 is atomic.AddInt64.
func AddInt64(addr *int64, d int64) int64 { at(addr, "Add", true); return atomic.AddInt64(addr, d) }

// AndInt64 is atomic.AndInt64.
func AndInt64(addr *int64, mask int64) int64 {
	at(addr, "And", true)
	return atomic.AndInt64(addr, mask)
}

// OrInt64 is atomic.OrInt64.
func OrInt64(addr *int64, mask int64) int64 { at(addr, "Or", true); return atomic.OrInt64(addr, mask) }

// Uint32 is atomic.Uint32.
type Uint32 struct{ v atomic.Uint32 }

// Load is that of atomic.Uint32.
func (x *Uint32) Load() uint32 { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Uint32.
func (x *Uint32) Store(v uint32) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Uint32.
func (x *Uint32) Swap(v uint32) uint32 { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Uint32.
func (x *Uint32) CompareAndSwap(old, new uint32) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Add is that of atomic.Uint32.
func (x *Uint32) Add(d uint32) uint32 { at(x, "Add", true); return x.v.Add(d) }

// And is that of atomic.Uint32.
func (x *Uint32) And(mask uint32) uint32 { at(x, "And", true); return x.v.And(mask) }

// Or is that of atomic.Uint32.
func (x *Uint32) Or(mask uint32) uint32 { at(x, "Or", true); return x.v.Or(mask) }

// LoadUint32 is atomic.LoadUint32.
func LoadUint32(addr *uint32) uint32 {
	at(addr, "Load", false)
	v := atomic.LoadUint32(addr)
	rt.Polled()
	return v
}

// StoreUint32 is atomic.StoreUint32.
func StoreUint32(addr *uint32, v uint32) { at(addr, "Store", true); atomic.StoreUint32(addr, v) }

// SwapUint32 is atomic.SwapUint32.
func SwapUint32(addr *uint32, v uint32) uint32 {
	at(addr, "Swap", true)
	return atomic.SwapUint32(addr, v)
}

// CompareAndSwapUint32 is atomic.CompareAndSwapUint32.
func CompareAndSwapUint32(addr *uint32, old, new uint32) bool {
	at(addr, "CompareAndSwap", true)
	return swapped(atomic.CompareAndSwapUint32(addr, old, new))
}

// AddUint32 is atomic.AddUint32.
func AddUint32(addr *uint32, d uint32) uint32 {
	at(addr, "Add", true)
	return atomic.AddUint32(addr, d)
}

// AndUint32 is atomic.AndUint32.
func AndUint32(addr *uint32, mask uint32) uint32 {
	at(addr, "And", true)
	return atomic.AndUint32(addr, mask)
}

// OrUint32 is atomic.OrUint32.
func OrUint32(addr *uint32, mask uint32) uint32 {
	at(addr, "Or", true)
	return atomic.OrUint32(addr, mask)
}

// Uint64 is atomic.Uint64.
type Uint64 struct{ v atomic.Uint64 }

// Load is that of atomic.Uint64.
func (x *Uint64) Load() uint64 { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Uint64.
func (x *Uint64) Store(v uint64) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Uint64.
func (x *Uint64) Swap(v uint64) uint64 { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Uint64.
func (x *Uint64) CompareAndSwap(old, new uint64) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Add is that of atomic.Uint64.
func (x *Uint64) Add(d uint64) uint64 { at(x, "Add", true); return x.v.Add(d) }

// And is that of atomic.Uint64.
func (x *Uint64) And(mask uint64) uint64 { at(x, "And", true); return x.v.And(mask) }

// Or is that of atomic.Uint64.
func (x *Uint64) Or(mask uint64) uint64 { at(x, "Or", true); return x.v.Or(mask) }

// LoadUint64 is atomic.LoadUint64.
func LoadUint64(addr *uint64) uint64 {
	at(addr, "Load", false)
	v := atomic.LoadUint64(addr)
	rt.Polled()
	return v
}

// StoreUint64 is atomic.StoreUint64.
func StoreUint64(addr *uint64, v uint64) { at(addr, "Store", true); atomic.StoreUint64(addr, v) }

// SwapUint64 is atomic.SwapUint64.
func SwapUint64(addr *uint64, v uint64) uint64 {
	at(addr, "Swap", true)
	return atomic.SwapUint64(addr, v)
}

// CompareAndSwapUint64 is atomic.CompareAndSwapUint64.
func CompareAndSwapUint64(addr *uint64, old, new uint64) bool {
	at(addr, "CompareAndSwap", true)
	return swapped(atomic.CompareAndSwapUint64(addr, old, new))
}

// AddUint64 is atomic.AddUint64.
func AddUint64(addr *uint64, d uint64) uint64 {
	at(addr, "Add", true)
	return atomic.AddUint64(addr, d)
}

// AndUint64 is atomic.AndUint64.
func AndUint64(addr *uint64, mask uint64) uint64 {
	at(addr, "And", true)
	return atomic.AndUint64(addr, mask)
}

// OrUint64 is atomic.OrUint64.
func OrUint64(addr *uint64, mask uint64) uint64 {
	at(addr, "Or", true)
	return atomic.OrUint64(addr, mask)
}

// Uintptr is atomic.Uintptr.
type Uintptr struct{ v atomic.Uintptr }

// Load is that of atomic.Uintptr.
func (x *Uintptr) Load() uintptr { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Uintptr.
func (x *Uintptr) Store(v uintptr) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Uintptr.
func (x *Uintptr) Swap(v uintptr) uintptr { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Uintptr.
func (x *Uintptr) CompareAndSwap(old, new uintptr) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Add is that of atomic.Uintptr.
func (x *Uintptr) Add(d uintptr) uintptr { at(x, "Add", true); return x.v.Add(d) }

// And is that of atomic.Uintptr.
func (x *Uintptr) And(mask uintptr) uintptr { at(x, "And", true); return x.v.And(mask) }

// Or is that of atomic.Uintptr.
func (x *Uintptr) Or(mask uintptr) uintptr { at(x, "Or", true); return x.v.Or(mask) }

// LoadUintptr is atomic.LoadUintptr.
func LoadUintptr(addr *uintptr) uintptr {
	at(addr, "Load", false)
	v := atomic.LoadUintptr(addr)
	rt.Polled()
	return v
}

// StoreUintptr is atomic.StoreUintptr.
func StoreUintptr(addr *uintptr, v uintptr) { at(addr, "Store", true); atomic.StoreUintptr(addr, v) }

// SwapUintptr is atomic.SwapUintptr.
func SwapUintptr(addr *uintptr, v uintptr) uintptr {
	at(addr, "Swap", true)
	return atomic.SwapUintptr(addr, v)
}

// CompareAndSwapUintptr is atomic.CompareAndSwapUintptr.
func CompareAndSwapUintptr(addr *uintptr, old, new uintptr) bool {
	at(addr, "CompareAndSwap", true)
	return swapped(atomic.CompareAndSwapUintptr(addr, old, new))
}

// AddUintptr is atomic.AddUintptr.
func AddUintptr(addr *uintptr, d uintptr) uintptr {
	at(addr, "Add", true)
	return atomic.AddUintptr(addr, d)
}

// AndUintptr is atomic.AndUintptr.
func AndUintptr(addr *uintptr, mask uintptr) uintptr {
	at(addr, "And", true)
	return atomic.AndUintptr(addr, mask)
}

// OrUintptr is atomic.OrUintptr.
func OrUintptr(addr *uintptr, mask uintptr) uintptr {
	at(addr, "Or", true)
	return atomic.OrUintptr(addr, mask)
}

// swapped says that a comparison that failed changed nothing.
func swapped(ok bool) bool {
	if !ok {
		rt.Polled()
	}
	return ok
}

// Bool is atomic.Bool.
type Bool struct{ v atomic.Bool }

// Load is that of atomic.Bool.
func (x *Bool) Load() bool { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Bool.
func (x *Bool) Store(v bool) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Bool.
func (x *Bool) Swap(v bool) bool { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Bool.
func (x *Bool) CompareAndSwap(old, new bool) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Pointer is atomic.Pointer.
type Pointer[T any] struct{ v atomic.Pointer[T] }

// Load is that of atomic.Pointer.
func (x *Pointer[T]) Load() *T { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Pointer.
func (x *Pointer[T]) Store(v *T) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Pointer.
func (x *Pointer[T]) Swap(v *T) *T { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Pointer.
func (x *Pointer[T]) CompareAndSwap(old, new *T) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// Value is atomic.Value.
type Value struct{ v atomic.Value }

// Load is that of atomic.Value.
func (x *Value) Load() any { at(x, "Load", false); v := x.v.Load(); rt.Polled(); return v }

// Store is that of atomic.Value.
func (x *Value) Store(v any) { at(x, "Store", true); x.v.Store(v) }

// Swap is that of atomic.Value.
func (x *Value) Swap(v any) any { at(x, "Swap", true); return x.v.Swap(v) }

// CompareAndSwap is that of atomic.Value.
func (x *Value) CompareAndSwap(old, new any) bool {
	at(x, "CompareAndSwap", true)
	return swapped(x.v.CompareAndSwap(old, new))
}

// LoadPointer is atomic.LoadPointer.
func LoadPointer(addr *unsafe.Pointer) unsafe.Pointer {
	at(addr, "Load", false)
	v := atomic.LoadPointer(addr)
	rt.Polled()
	return v
}

// StorePointer is atomic.StorePointer.
func StorePointer(addr *unsafe.Pointer, v unsafe.Pointer) {
	at(addr, "Store", true)
	atomic.StorePointer(addr, v)
}

// SwapPointer is atomic.SwapPointer.
func SwapPointer(addr *unsafe.Pointer, v unsafe.Pointer) unsafe.Pointer {
	at(addr, "Swap", true)
	return atomic.SwapPointer(addr, v)
}

// CompareAndSwapPointer is atomic.CompareAndSwapPointer.
func CompareAndSwapPointer(addr *unsafe.Pointer, old, new unsafe.Pointer) bool {
	at(addr, "CompareAndSwap", true)
	return swapped(atomic.CompareAndSwapPointer(addr, old, new))
}
