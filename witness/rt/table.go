package rt

// table is a map from addresses and hashes. The race detector sees accesses of Go's own
// maps wherever they are made, so what goroutines of a run share has none. Nor is it to
// see these, of which another package may hold the compiled code.
type table[V any] struct {
	keys   []uint64 // 0: free
	values []V
	n      int
}

//go:norace
func (t *table[V]) slot(key uint64) int {
	mask := len(t.keys) - 1
	i := int(key*0x9e3779b97f4a7c15>>32) & mask
	for t.keys[i] != 0 && t.keys[i] != key {
		i = (i + 1) & mask
	}
	return i
}

// at returns where the value of a key stands, and whether it was there before. The
// address is good until the next call.
//
//go:norace
func (t *table[V]) at(key uint64) (*V, bool) {
	if 2*t.n >= len(t.keys) {
		t.grow()
	}
	i := t.slot(key)
	had := t.keys[i] == key
	if !had {
		t.keys[i] = key
		t.n++
	}
	return &t.values[i], had
}

// get returns the value of a key, the zero value without one.
//
//go:norace
func (t *table[V]) get(key uint64) (v V) {
	if t.n == 0 {
		return v
	}
	return t.values[t.slot(key)]
}

//go:norace
func (t *table[V]) grow() {
	old := *t
	size := max(64, 2*len(old.keys))
	t.keys, t.values = make([]uint64, size), make([]V, size)
	for i, key := range old.keys {
		if key != 0 {
			to := t.slot(key)
			t.keys[to], t.values[to] = key, old.values[i]
		}
	}
}

// hashOf hashes a text.
func hashOf(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return max(h, 1)
}

// Without takes the i-th out of a list. It does so one by one, as the race detector sees
// what copy and append move.
//
//go:norace
func Without[T any](all []T, i int) []T {
	for ; i+1 < len(all); i++ {
		all[i] = all[i+1]
	}
	var none T
	all[i] = none
	return all[:i]
}
