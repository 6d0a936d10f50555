//go:build ignore

// What is sent never goes back: stronger, and the right clients keep it too.
//
// grade: HOLDS, in all 6,453 states of 3 worlds.
package answer

func judge(event, p, offset int) bool {
	if event != Sent {
		return true
	}
	ok := offset >= last(p)
	remember(p, offset)
	return ok
}
