//go:build ignore

// A loop in which nobody else can run.
//
// grade: NOT YET. no-panic: G0 panicked: line 10: the loop ran 10000 instructions, and nothing in it lets others go on: it never ends
package answer

func visit() {
	for {
	}
}
