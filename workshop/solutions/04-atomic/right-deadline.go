//go:build ignore

// A deadline that only grows; nothing shares a timer.
//
// grade: HOLDS, in all 100 states of 3 worlds. a second throttle blocks the response reader for 0 ms, and no answer is read meanwhile
package answer

func setThrottle() {
	deadline.Extend()
}

func waitIfThrottled() {
	for !deadline.Over() {
		sleep()
	}
}
