//go:build ignore

// It never fails, and never gives up.
//
// grade: NOT YET, it never gives up: with a Max of 1000000 a producer tries for 26m40s where no coordinator is left; 2m0s is what anyone waits
package answer

func configure() {
	Backoff = 600
	Max = 1_000_000
}
