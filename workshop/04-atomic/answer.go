//go:build ignore

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
