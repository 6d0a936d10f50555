//go:build ignore

// A refusal is no fault of the client.
//
// grade: NOT YET, it breaks a client that is right, Sarama 1.48.0, whose coordinator moves. yours: offset 11 of P0 is refused, after your property remembered 0
package answer

func judge(event, p, offset int) bool {
	return event != Refused
}
