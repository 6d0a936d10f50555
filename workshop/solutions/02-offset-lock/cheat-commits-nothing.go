//go:build ignore

// Nothing is committed, and nothing goes back.
//
// grade: NOT YET, it commits nothing, or not all: message 11 of P0 was processed, and at the end it is not committed
package answer

func commit() {
}
