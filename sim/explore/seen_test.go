package explore

import (
	"testing"
	"unsafe"
)

// Goal: the set of seen states is what it says, and takes at most 24 bytes a
// state, at the size of the largest search that is measured.
func TestSeenIsASetAndSmall(t *testing.T) {
	const n = 2_029_587
	s := newSeen()
	for i := range uint64(n) {
		if number, isNew := s.add(scramble(i)); !isNew || number != uint32(i) {
			t.Fatalf("fingerprint %d is in the set before it was added", i)
		}
	}
	for i := range uint64(n) {
		if number, isNew := s.add(scramble(i)); !s.has(scramble(i)) || isNew || number != uint32(i) {
			t.Fatalf("fingerprint %d is not in the set after it was added, or by another number", i)
		}
	}
	if s.has(scramble(n)) || s.n() != n {
		t.Errorf("%d fingerprints, and one that was not added: %v; want %d, false", s.n(), s.has(scramble(n)), n)
	}
	if bytes := float64(len(s.slots)) * float64(unsafe.Sizeof(slot{})) / n; bytes > 24 {
		t.Errorf("%.1f bytes a state, want at most 24", bytes)
	}
}
