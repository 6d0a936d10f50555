//go:build amd64 || arm64

package sim

import (
	"runtime"
	"strings"
	"unsafe"
)

// The place of a point is its name and the calls that lead to it, and it is asked
// for at each step. runtime.Callers takes a microsecond to list them, ten times
// as long as the switch to the task; following frame pointers takes a few
// nanoseconds a call. Go keeps frame pointers on amd64 and arm64 (its own tracer
// and profilers go by them), but has no function that returns one, so that
// function is assembly: callers_amd64.s, callers_arm64.s.
//
// All that depends on it is here. On other platforms callers_other.go does the
// same with runtime.Callers, at about half the speed of a search. A cache by the
// name of the point alone would be wrong there: a helper that is called from two
// places has one name, and two places.

// framePointer returns the frame pointer of its caller: the address at which that
// of the caller's caller lies, with the return address behind it.
func framePointer() unsafe.Pointer

// callers writes the return addresses of the calls from the caller's caller
// down to Task.run, and returns how many.
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

// isRun says whether an address lies in Task.run, the bottom of a task's stack.
func isRun(pc uintptr) bool {
	f := runtime.FuncForPC(pc - 1)
	return f != nil && strings.HasSuffix(f.Name(), ".(*Task).run")
}
