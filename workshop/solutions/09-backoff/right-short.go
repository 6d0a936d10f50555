//go:build ignore

// Short enough for 3 ms, patient enough for a second.
//
// grade: NOT YET. while a broker restarts it asks the coordinator 625 times a second, and at most 4 are allowed
package answer

func configure() {
	Backoff = 600
	Max = 2000
}
