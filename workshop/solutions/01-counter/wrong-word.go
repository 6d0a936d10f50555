//go:build ignore

// A word that the exercise does not have.
//
// grade: UNREADABLE, line 9: there is no add(); there are read() int, write(int), mu.Lock(), mu.Unlock()
package answer

func visit() {
	add(1)
}
