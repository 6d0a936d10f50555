//go:build ignore

// Who does not wait cannot hang.
//
// grade: NOT YET, it ignores the throttle: the sender wrote 8ms before the throttle was over
package answer

func setThrottle() {
}

func waitIfThrottled() {
}
