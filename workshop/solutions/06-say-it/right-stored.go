//go:build ignore

// What is stored never goes back.
//
// grade: HOLDS, in all 6,176 states of 3 worlds.
package answer

func judge(event, p, offset int) bool {
	if event != Stored {
		return true
	}
	if offset < last(p) {
		return false
	}
	remember(p, offset)
	return true
}
