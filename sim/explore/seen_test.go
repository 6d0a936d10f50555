package explore

import "testing"

// Goal: the set of seen states is what it says, and takes at most 24 bytes a
// state, at the size of the largest search that is measured.
func TestSeenIsASetAndSmall(t *testing.T) {
	const n = 2_029_587
	s := newSeen()
	for i := range uint64(n) {
		if !s.add(scramble(i)) {
			t.Fatalf("fingerprint %d is in the set before it was added", i)
		}
	}
	for i := range uint64(n) {
		if !s.has(scramble(i)) || s.add(scramble(i)) {
			t.Fatalf("fingerprint %d is not in the set after it was added", i)
		}
	}
	if s.has(scramble(n)) || s.n != n {
		t.Errorf("%d fingerprints, and one that was not added: %v; want %d, false", s.n, s.has(scramble(n)), n)
	}
	if bytes := 8 * float64(len(s.slots)) / n; bytes > 24 {
		t.Errorf("%.1f bytes a state, want at most 24", bytes)
	}
}
