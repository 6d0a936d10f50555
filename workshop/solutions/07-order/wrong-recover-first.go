//go:build ignore

// The partition takes new records before the old ones are back.
//
// grade: NOT YET. records-keep-their-order: A is written after B
package answer

func onFailure() {
	recover()
	again()
	stop()
	flush()
	resume()
}
