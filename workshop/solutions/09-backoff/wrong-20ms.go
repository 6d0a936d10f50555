//go:build ignore

// A 20 ms backoff is more than most windows.
//
// grade: NOT YET. while a broker restarts it asks the coordinator 48 times a second, and at most 4 are allowed
package answer

func configure() {
	Backoff = 20_000
	Max = 200
}
