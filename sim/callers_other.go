//go:build !amd64 && !arm64

package sim

import (
	"runtime"
	"strings"
)

// callers writes the return addresses of the calls from the caller's caller
// down to Task.run, and returns how many.
func callers(stack *[64]uintptr, base *uintptr) int {
	n := runtime.Callers(3, stack[:])
	for i, pc := range stack[:n] {
		if pc == *base || *base == 0 && isRun(pc) {
			*base = pc
			return i
		}
	}
	panic("sim: a point lies deeper than 64 calls")
}

// isRun says whether an address lies in Task.run, the bottom of a task's stack.
func isRun(pc uintptr) bool {
	f := runtime.FuncForPC(pc - 1)
	return f != nil && strings.HasSuffix(f.Name(), ".(*Task).run")
}
