//go:build ignore

// A row that is new is handled; but the test is turned round.
//
// grade: NOT YET. every-order-is-shipped: order 1 was never shipped
package answer

func relay() {
	for row := next(); row != 0; row = next() {
		publish(row)
		mark(row)
	}
}

func receive(row int) {
	if handled(row) {
		handle(row)
	}
}
