//go:build ignore

// Not every promise has told of its record.
//
// grade: NOT YET. first-appends-keep-the-order: record 2 was written after 3, which was handed over later
package answer

func onFailure() {
	stop()
	recover()
	again()
	flush()
	resume()
}
