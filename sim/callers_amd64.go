package sim

import "unsafe"

// framePointer returns the frame pointer of its caller.
func framePointer() unsafe.Pointer

// callers writes the return addresses of the calls from the caller's caller
// down to Task.run, and returns how many. It follows frame pointers, which
// takes a few nanoseconds a call; runtime.Callers takes a microsecond.
//
// base caches the address in Task.run at which a program returns.
//
//go:noinline
func callers(stack *[64]uintptr, base *uintptr) int {
	frame := framePointer()
	frame = *(*unsafe.Pointer)(frame) // Of the caller.
	for n := range stack {
		pc := *(*uintptr)(unsafe.Add(frame, 8))
		if pc == *base {
			return n
		}
		if *base == 0 && isRun(pc) {
			*base = pc
			return n
		}
		stack[n] = pc
		frame = *(*unsafe.Pointer)(frame)
	}
	panic("sim: a point lies deeper than 64 calls")
}
