package sim

import "slices"

// snapshot is a saved state. It never changes, and fits every world that was
// built alike.
type snapshot struct {
	now    Time // the time of day is saved, and is no part of the fingerprint
	blocks []*block
	order  *order // nil: what comes before what is no part of the state
}

// block is the records of groups that follow each other. From one state to the next
// few change, and snapshots share those that are the same.
type block [blockSize]*record

const blockSize = 8

// record is that of the i-th group.
func (s *snapshot) record(i int) *record { return s.blocks[i/blockSize][i%blockSize] }

// with is the snapshot with other records, by group.
func (s *snapshot) with(record func(i int, was *record) *record) *snapshot {
	other := &snapshot{now: s.now, blocks: make([]*block, len(s.blocks))}
	for k, b := range s.blocks {
		other.blocks[k] = &block{}
		for i, r := range b {
			if r != nil {
				other.blocks[k][i] = record(k*blockSize+i, r)
			}
		}
	}
	return other
}

// isLike says whether two snapshots are of one state.
func (s *snapshot) isLike(other *snapshot) bool {
	return slices.EqualFunc(s.blocks, other.blocks, func(a, b *block) bool {
		return a == b || slices.EqualFunc(a[:], b[:], func(a, b *record) bool { return a == b || slices.Equal(a.words, b.words) })
	})
}

// record is the saved state of a group. Snapshots share those that are the same.
type record struct {
	hash      uint64
	rest      uint64 // another hash of the same words
	words     []uint64
	refs      []any
	anonymous *anonymous // nil: where no tasks are alike, nobody asks
}

// keeper saves and loads the state of a world, and keeps coroutines for that.
type keeper struct {
	plan          plan
	maxCoroutines int                          // of a task
	surplus       []*coroutine                 // that are to go back to the beginnings of their programs
	jumps         bool                         // states are saved and loaded, so coroutines are kept
	saves         bool                         // records are whole, and not hashes alone
	driven        int                          // steps that only brought a coroutine to its place
	base          *snapshot                    // of the state that the world is in, if it was saved or loaded
	last          *snapshot                    // the last base
	since         []int32                      // the choices since then
	raw           walker                       // the state before the tasks ran to their first point
	beginning     *snapshot                    // the same, once it is needed
	began         []Violation                  // before the first step
	estranged     bool                         // a check has given variables other values
	whole         struct{ was, is wholeState } // before and after a step that is checked
	saved         walker
	loader        walker
	records       []*record // of each group, as far as it is not stale
	sum           uint64    // of their hashes
	tracked       bool      // what a step touches is marked
	stale         []*group
	blocks        []*block      // of the records, as far as they are not loose
	loose         []bool        // by block: one of its records has changed
	room          []*block      // to cut snapshots from
	made          kept[*record] // by hash
	built         kept[built]   // by the hashes of their records
	archive       archive       // of states that are kept on disk
	symmetry      *symmetry     // nil: no search takes tasks for alike
}

// A world knows of each group whether a record holds what is in memory: a step
// marks what it touches as stale, and only that is saved, hashed and loaded anew.
// In a world that nobody has saved or asked for its fingerprint yet, nothing is
// marked: all is stale.

// mark marks the groups of an object as stale.
func (w *World) mark(o *object) {
	if w.tracked {
		for _, g := range o.groups {
			w.markGroup(g)
		}
	}
}

func (w *World) markGroup(g *group) {
	if !g.stale {
		g.stale = true
		w.stale = append(w.stale, g)
	}
}

// markMoments marks all that depends on what time it is.
func (w *World) markMoments() {
	if w.tracked {
		for _, g := range w.plan.moments {
			w.markGroup(g)
		}
	}
}

// refresh makes records of the groups that are stale.
func (w *World) refresh() {
	if !w.tracked {
		w.tracked = true
		for _, g := range w.plan.groups {
			w.markGroup(g)
		}
	}
	for _, list := range [...][]*group{w.stale, w.plan.unmarked} {
		for _, g := range list {
			g.stale = false
			s := &w.saved
			s.words, s.refs = s.words[:0], s.refs[:0]
			s.save(g)
			was := w.records[g.number]
			switch {
			case !w.saves:
				w.rehash(g, was, hashWords(g, s.words))
			case was == nil || !slices.Equal(was.words, s.words):
				w.put(g, w.recordOf(g, s.words, s.refs))
			}
		}
	}
	w.stale = w.stale[:0]
}

// rehash notes the hash of a group. Where no state is saved, nobody asks for more.
func (w *World) rehash(g *group, was *record, hash uint64) {
	if was == nil {
		was = &record{}
		w.records[g.number] = was
	}
	w.sum += hash - was.hash
	was.hash = hash
}

// willSave makes whole records from now on.
func (w *World) willSave() {
	if !w.saves {
		w.saves, w.tracked, w.sum = true, false, 0
		clear(w.records)
	}
}

// put notes that a record holds the state of a group.
func (w *World) put(g *group, r *record) {
	was := w.records[g.number]
	if was != nil {
		w.sum -= was.hash
	}
	w.sum += r.hash
	if w.symmetry != nil && was != r {
		w.symmetry.count(&w.symmetry.now, g, was, minus1)
		w.symmetry.count(&w.symmetry.now, g, r, 1)
	}
	w.records[g.number] = r
	w.loose[g.number/blockSize] = true
}

// kept is what a world has made last, by hash: where two come to one place, the later
// one stays. A part of the state comes back to few values, so most are found.
type kept[T any] struct {
	places []T
	made   int // since it has as many places
}

const (
	leastKept = 1 << 8
	mostKept  = 1 << 14
)

// at is the place of a hash.
func (k *kept[T]) at(hash uint64) *T {
	if k.places == nil {
		k.places = make([]T, leastKept)
	}
	return &k.places[hash&uint64(len(k.places)-1)] // Their number is a power of two.
}

// makes is where to put what was just made for a hash. A world that makes many gets more
// places, which begin empty.
func (k *kept[T]) makes(hash uint64) *T {
	if k.made++; k.made > len(k.places) && len(k.places) < mostKept {
		*k = kept[T]{places: make([]T, 4*len(k.places))}
	}
	return k.at(hash)
}

// blockOf is the block of some records. Where one block is the whole state, each is new.
func (w *World) blockOf(b block) *block {
	if len(w.blocks) == 1 {
		made := b
		return &made
	}
	hash := uint64(0)
	for _, r := range b {
		if r != nil {
			hash += r.hash
		}
	}
	hash = scramble(hash)
	at := w.built.at(hash)
	if at.block == nil || at.hash != hash || *at.block != b {
		made := b
		at = w.built.makes(hash)
		*at = built{hash, &made}
	}
	return at.block
}

// built is a block with the hash of its records.
type built struct {
	hash  uint64
	block *block
}

// recordOf is a record of the state of a group.
func (w *World) recordOf(g *group, words []uint64, refs []any) *record {
	hash := hashWords(g, words)
	at := w.made.at(hash)
	if r := *at; r == nil || r.hash != hash || !slices.Equal(r.words, words) {
		at = w.made.makes(hash)
		*at = w.newRecord(g, hash, words, refs)
	}
	return *at
}

// hashWords is the hash of the state of a group.
func hashWords(g *group, words []uint64) uint64 { return hashFrom(uint64(g.number), words) }

func hashFrom(start uint64, words []uint64) uint64 {
	hash := start
	for _, word := range words {
		hash = mix(hash, word)
	}
	return scramble(hash)
}

func (w *World) newRecord(g *group, hash uint64, words []uint64, refs []any) *record {
	r := &record{hash: hash, rest: hashFrom(^uint64(g.number), words), words: slices.Clone(words), refs: slices.Clone(refs)}
	if w.symmetry != nil {
		r.anonymous = w.symmetry.anonymize(g, words, refs)
	}
	return r
}

// begins is the state before the tasks ran to their first point. It was noted
// without records, for few worlds ever go back there.
func (w *World) begins() *snapshot {
	if w.beginning == nil {
		w.raw.at, w.raw.ref = 0, 0
		for _, g := range w.plan.groups {
			w.raw.load(g)
			w.markGroup(g)
		}
		w.clock.now = 0
		w.beginning = w.snapshot()
	}
	return w.beginning
}

// snapshot is save without a note of it.
func (w *World) snapshot() *snapshot {
	w.willSave()
	w.refresh()
	for k, loose := range w.loose {
		if loose {
			var b block
			copy(b[:], w.records[k*blockSize:])
			w.blocks[k], w.loose[k] = w.blockOf(b), false
		}
	}
	return w.newSnapshot(w.clock.now, w.blocks)
}

func (w *World) newSnapshot(now Time, blocks []*block) *snapshot {
	n := len(blocks)
	if len(w.room) < n {
		w.room = make([]*block, max(n, 1<<10))
	}
	s := &snapshot{now: now, blocks: w.room[:n:n]}
	w.room = w.room[n:]
	copy(s.blocks, blocks)
	return s
}

// standAt notes that the world is in a saved state.
func (w *World) standAt(s *snapshot) { w.base, w.last, w.since = s, s, w.since[:0] }

// load puts fields and places back.
func (w *World) load(s *snapshot) {
	w.willSave()
	w.rewindSurplus()
	if s.now != w.clock.now {
		w.clock.now = s.now
		w.markMoments()
	}
	for _, list := range [...][]*group{w.stale, w.plan.unmarked} {
		for _, g := range list {
			w.loose[g.number/blockSize] = true
		}
	}
	for k, b := range s.blocks {
		if b == w.blocks[k] && !w.loose[k] {
			continue
		}
		for i := k * blockSize; i < min((k+1)*blockSize, len(w.records)); i++ {
			w.loadGroup(w.plan.groups[i], b[i%blockSize])
		}
		w.blocks[k], w.loose[k] = b, false
	}
	w.stale = w.stale[:0]
	w.pace.loaded()
}

func (w *World) loadGroup(g *group, r *record) {
	if r == w.records[g.number] && !g.stale && g.owner != nil {
		return
	}
	w.loader.words, w.loader.refs, w.loader.at, w.loader.ref = r.words, r.refs, 0, 0
	w.loader.load(g)
	w.put(g, r)
	g.stale = false
}
