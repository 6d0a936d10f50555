//go:build !race

package rt

import "unsafe"

// Race says that this binary was built with -race.
const Race = false

func raceOff() {}
func raceOn()  {}

// Acquire lets the goroutine that calls come after each Release at the address, for the
// race detector.
func Acquire(unsafe.Pointer) {}

// Release lets what acquires the address later come after what the caller has done.
func Release(unsafe.Pointer) {}

// Hidden calls f, whose own locks order nothing.
func Hidden(f func()) { f() }

func reads(unsafe.Pointer) bool  { return false }
func writes(unsafe.Pointer) bool { return false }
func raceReports() int           { return 0 }
