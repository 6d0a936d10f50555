//go:build ignore

package answer

func relay() {
	for row := next(); row != 0; row = next() {
		mark(row)
		publish(row)
	}
}

func receive(row int) {
	handle(row)
}
