//go:build ignore

// The other goroutine goes on before the old records are back.
//
// grade: NOT YET. first-appends-keep-the-order: record 1 was written after 2, which was handed over later
package answer

func onFailure() {
	stop()
	flush()
	recover()
	resume()
	again()
}
