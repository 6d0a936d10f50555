//go:build ignore

// What is not written has no order.
//
// grade: NOT YET. no-panic: app panicked: what has failed is lost: again() was not called
package answer

func onFailure() {
	stop()
	flush()
	recover()
	resume()
}
