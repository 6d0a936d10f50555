//go:build ignore

// It looks at the deadline, and does not wait.
//
// grade: NOT YET, it ignores the throttle: the sender wrote 8ms before the throttle was over
package answer

func setThrottle() {
	deadline.Extend()
}

func waitIfThrottled() {
	deadline.Over()
}
