//go:build ignore

// Fifty retries of a short backoff are over in 80 ms.
//
// grade: NOT YET, it holds until a broker restarts. the window of a second takes 625 retries, and Max is 50: the transaction fails
package answer

func configure() {
	Backoff = 600
	Max = 50
}
