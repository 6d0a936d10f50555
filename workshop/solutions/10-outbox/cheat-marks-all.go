//go:build ignore

// Nothing is new any more.
//
// grade: NOT YET. every-order-is-shipped: order 1 was never shipped
package answer

func relay() {
	for row := next(); row != 0; row = next() {
		mark(row)
	}
}

func receive(row int) {
	if !handled(row) {
		handle(row)
	}
}
