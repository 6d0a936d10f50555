//go:build ignore

// It compares what is stored with what was sent.
//
// grade: NOT YET, it breaks a client that is right, Sarama 1.48.0. yours: offset 11 of P0 is stored, after your property remembered 12
package answer

func judge(event, p, offset int) bool {
	ok := offset >= last(p)
	remember(p, offset)
	return ok
}
