//go:build ignore

// Publish, then mark: a row is repeated.
//
// grade: NOT YET, it holds until a second relay runs beside the first. no-order-ships-twice: order 1 was shipped 2 times
package answer

func relay() {
	for row := next(); row != 0; row = next() {
		publish(row)
		mark(row)
	}
}

func receive(row int) {
	handle(row)
}
