//go:build ignore

// The default.
//
// grade: NOT YET. while a broker restarts it asks the coordinator 48 times a second, and at most 4 are allowed
package answer

func configure() {
	Backoff = 100_000
	Max = 50
}
