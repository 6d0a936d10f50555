//go:build ignore

package answer

func configure() {
	Backoff = 100_000
	Max = 50
}
