// Package rand is what crypto/rand does by chance, in code under control: each run
// begins with the same bytes. Nothing here is secret.
package rand

import (
	"encoding/base32"
	"io"

	crypto "crypto/rand"

	"racelab/witness/rt"
)

// Reader is crypto/rand.Reader.
var Reader io.Reader = reader{}

type reader struct{}

func (reader) Read(p []byte) (int, error) {
	if !rt.InRun() {
		return crypto.Read(p)
	}
	return rt.PerRun(rt.NewBytes).Read(p)
}

// Read is crypto/rand.Read.
func Read(p []byte) (int, error) { return Reader.Read(p) }

// Text is crypto/rand.Text.
func Text() string {
	p := make([]byte, 16)
	_, _ = Reader.Read(p)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(p)
}
