//go:build ignore

// The other goroutine never goes on.
//
// grade: NOT YET. no-progress: producer, before "produce", waits for client.gate, held by app; sink, before "write", waits for a value from client.writes; promises, before "promise", waits for a value from client.calls; app, before "await producers", waits for client.goroutines, which counts 1
package answer

func onFailure() {
	stop()
	flush()
	recover()
	again()
}
