package rt

import "encoding/binary"

// Source is where the numbers of a run come from. It is not one of math/rand, as the
// race detector would see those change: Go's own may be used by all at once.
//
// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014).
type Source struct{ state uint64 }

// NewSource returns a Source.
func NewSource() *Source { return &Source{1} }

func (s *Source) Seed(seed int64) { s.state = uint64(seed) }

func (s *Source) Uint64() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s *Source) Int63() int64 { return int64(s.Uint64() >> 1) }

// Bytes is a Source of bytes.
type Bytes struct{ s *Source }

// NewBytes returns a Bytes.
func NewBytes() *Bytes { return &Bytes{&Source{2}} }

// Read fills p.
func (b *Bytes) Read(p []byte) (int, error) {
	for i := 0; i < len(p); i += 8 {
		var eight [8]byte
		binary.LittleEndian.PutUint64(eight[:], b.s.Uint64())
		copy(p[i:], eight[:])
	}
	return len(p), nil
}
