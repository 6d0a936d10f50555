//go:build ignore

// The other goroutine goes on before the old records are back.
//
// grade: NOT YET. records-keep-their-order: A is written after B
package answer

func onFailure() {
	stop()
	flush()
	recover()
	resume()
	again()
}
