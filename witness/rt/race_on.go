//go:build race

package rt

import (
	"runtime"
	"unsafe"
)

// Race says that this binary was built with -race.
const Race = true

// The race detector is to see what orders the goroutines of a run by what they do, and
// not that they run one after the other: what hands over from one to the next stands
// between raceOff and raceOn.

func raceOff() { runtime.RaceDisable() }
func raceOn()  { runtime.RaceEnable() }

// Acquire lets the goroutine that calls come after each Release at the address.
func Acquire(at unsafe.Pointer) { runtime.RaceAcquire(at) }

// Release lets what acquires the address later come after what the caller has done.
func Release(at unsafe.Pointer) { runtime.RaceReleaseMerge(at) }

// Hidden calls f, whose own locks order nothing.
func Hidden(f func()) {
	raceOff()
	defer raceOn()
	f()
}

// reads and writes stand for an access of memory. They say whether it races.

func reads(at unsafe.Pointer) bool {
	before := runtime.RaceErrors()
	runtime.RaceRead(at)
	return runtime.RaceErrors() > before
}

func writes(at unsafe.Pointer) bool {
	before := runtime.RaceErrors()
	runtime.RaceWrite(at)
	return runtime.RaceErrors() > before
}

// raceReports is how many races this process has reported.
func raceReports() int { return runtime.RaceErrors() }
