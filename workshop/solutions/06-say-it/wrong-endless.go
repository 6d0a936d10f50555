//go:build ignore

// It never comes to a judgement.
//
// grade: NOT YET. no-panic: judge panicked: line 10: the loop ran 10000 instructions, and nothing in it lets others go on: it never ends
package answer

func judge(event, p, offset int) bool {
	for {
		last(p)
	}
}
