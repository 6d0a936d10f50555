//go:build ignore

// The partition takes new records before the old ones are back.
//
// grade: NOT YET. first-appends-keep-the-order: record 1 was written after 2, which was handed over later
package answer

func onFailure() {
	recover()
	again()
	stop()
	flush()
	resume()
}
