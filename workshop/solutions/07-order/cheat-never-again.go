//go:build ignore

// What is not written has no order.
//
// grade: NOT YET, it does not write all: A was produced, has failed, and is in no log
package answer

func onFailure() {
	stop()
	flush()
	recover()
	resume()
}
