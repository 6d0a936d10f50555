//go:build ignore

// The other goroutine never goes on.
//
// grade: NOT YET. no-progress: p1, before "gate", waits for promises.gate, held by app; app, before "await failure", waits for promises.hear.idle, which counts 1; sink, before "drain", waits for cl.sinks[0].drain.idle, which counts 1; responses, before "await request", waits for cl.sinks[0].handleSeqResps.idle, which counts 1; promises, before "start promises", waits for cl.batchPromises.finishPromises.idle, which counts 1
package answer

func onFailure() {
	stop()
	flush()
	recover()
	again()
}
