//go:build ignore

// No wait: a storm at the coordinator.
//
// grade: NOT YET. while a broker restarts it asks the coordinator 999 times a second, and at most 700 are allowed
package answer

func configure() {
	Backoff = 0
	Max = 5000
}
