//go:build ignore

// Nothing is stored twice.
//
// grade: NOT YET, it breaks a client that is right, Sarama 1.48.0. yours: offset 11 of P0 is stored, after your property remembered 11
package answer

func judge(event, p, offset int) bool {
	if event != Stored {
		return true
	}
	ok := offset > last(p)
	remember(p, offset)
	return ok
}
