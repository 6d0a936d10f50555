//go:build ignore

// Not every promise has told of its record.
//
// grade: NOT YET, it does not write all: B was produced, has failed, and is in no log
package answer

func onFailure() {
	stop()
	recover()
	again()
	flush()
	resume()
}
