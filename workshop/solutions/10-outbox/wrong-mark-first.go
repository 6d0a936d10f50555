//go:build ignore

// Mark, then publish: a row is lost when the relay is killed.
//
// grade: NOT YET, it holds until kill -9 hits the relay. every-order-is-shipped: order 2 was never shipped
package answer

func relay() {
	for row := next(); row != 0; row = next() {
		mark(row)
		publish(row)
	}
}

func receive(row int) {
	if !handled(row) {
		handle(row)
	}
}
