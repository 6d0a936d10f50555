//go:build ignore

// The default.
//
// grade: NOT YET. it commits 19 % of what is possible, and 85 % are wanted: each window is rounded up to a multiple of 21ms
package answer

func configure() {
	Backoff = 100_000
	Max = 50
}
