//go:build ignore

// The write-up's proposal: each access is atomic.
//
// grade: NOT YET, it holds until a second throttle comes while the sender waits. no-progress: sender, before "receive", waits for broker.timers[1], which is not armed
package answer

func setThrottle() {
	if old := pointer.Load(); old != 0 {
		if !stop(old) {
			drain(old)
		}
	}
	pointer.Store(newTimer())
}

func waitIfThrottled() {
	if timer := pointer.Load(); timer != 0 {
		receive(timer)
		pointer.Store(0)
	}
}
