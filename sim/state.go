package sim

import (
	"math/bits"
	"unsafe"
)

// Stateful is whatever holds state of a run: a node, the frame of a task, the
// memory of a property, a structure that tasks share.
//
// State walks every field that may change after the first step, always in the
// same order. What is fixed before the first step stays out: pointers,
// interfaces and functions are wiring by their kind, numbers and texts carry
// the tag `sim:"config"`. World.Audit finds a field that is left out.
type Stateful interface {
	State(s *State)
}

// State is the visitor that the walks of all Stateful share: what it does with
// a field depends on the errand it is on, so one walk serves them all.
type State struct {
	errand errand
	words  []uint64  // saving, loading: a word a field
	refs   []Message // saving, loading: what words cannot hold
	ghosts []uint64  // saving, loading: words that the fingerprint leaves out
	at     int       // loading: the next of words
	ref    int       // loading: the next of refs
	ghost  int       // loading: the next of ghosts

	absolute bool                        // saving, loading: moments by the time of day
	owners   []owner                     // saving, if asked for: whose words begin where
	marks    bool                        // owners is asked for
	seen     map[unsafe.Pointer]struct{} // auditing: the addresses that the walk met
	world    *World                      // where objects get their number, and whose time it is
}

type errand uint8

const (
	saving errand = iota
	loading
	binding
	auditing
)

// owner is where the words of an object, or of what only one actor touches,
// begin.
type owner struct {
	object int // number of the object
	at     int
}

// Int walks a field of any integer type.
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](s *State, field *T) {
	switch s.errand {
	case saving:
		s.words = append(s.words, uint64(*field))
	case loading:
		*field = T(s.words[s.at])
		s.at++
	case auditing:
		s.met(unsafe.Pointer(field))
	}
}

// Bool walks a field of any boolean type.
func Bool[T ~bool](s *State, field *T) {
	switch s.errand {
	case saving:
		s.words = append(s.words, uint64(*(*uint8)(unsafe.Pointer(field))))
	case loading:
		*field = s.words[s.at] != 0
		s.at++
	case auditing:
		s.met(unsafe.Pointer(field))
	}
}

// Slice walks a slice: its length, then each element by the given function.
func Slice[T any](s *State, field *[]T, element func(*State, *T)) {
	switch s.errand {
	case saving:
		s.words = append(s.words, uint64(len(*field)))
	case loading:
		resize(field, int(s.words[s.at]))
		s.at++
	case auditing:
		s.met(unsafe.Pointer(field))
	}
	for i := range *field {
		element(s, &(*field)[i])
	}
}

// resize gives a slice another length, and keeps its room.
func resize[T any](field *[]T, n int) {
	if n <= cap(*field) {
		*field = (*field)[:n]
		return
	}
	*field = append((*field)[:cap(*field)], make([]T, n-cap(*field))...)
}

// word walks one word that is no field by itself.
func (s *State) word(w *uint64) {
	switch s.errand {
	case saving:
		s.words = append(s.words, *w)
	case loading:
		*w = s.words[s.at]
		s.at++
	}
}

func (s *State) met(address unsafe.Pointer) {
	s.seen[address] = struct{}{}
}

// begin walks the part that all objects of the world have in common. The words
// that follow, up to the next begin, are the object's.
func (s *State) begin(t thing) {
	switch s.errand {
	case saving:
		if s.marks {
			s.owners = append(s.owners, owner{t.bound().number, len(s.words)})
		}
	case binding:
		s.world.bind(t)
	case auditing:
		s.met(unsafe.Pointer(t.bound()))
	}
}

// mix folds a word into a hash. It is a fixed function, so that a fingerprint
// is the same in every process.
func mix(hash, word uint64) uint64 {
	high, low := bits.Mul64(hash^0x9e3779b97f4a7c15, word^0xd1b54a32d192ed03)
	return bits.RotateLeft64(high^low, 23) + word
}

func mixString(hash uint64, text string) uint64 {
	for i := 0; i < len(text); i++ {
		hash = (hash ^ uint64(text[i])) * 0x100000001b3
	}
	return mix(hash, uint64(len(text)))
}

func mixAll(words []uint64) uint64 {
	hash := uint64(len(words))
	for _, word := range words {
		hash = mix(hash, word)
	}
	return hash
}

// Snapshot is a saved state. It never changes, and fits every world that was
// built alike.
type Snapshot struct {
	words  []uint64
	refs   []Message
	ghosts []uint64
}

// Save returns the state of the world.
func (w *World) Save() *Snapshot {
	w.Enabled()
	w.jumps = true
	if w.base == nil {
		w.standAt(w.snapshot())
		w.races.saved(w.base)
	}
	return w.base
}

// snapshot is Save without a note of it.
func (w *World) snapshot() *Snapshot {
	w.walk()
	s := &Snapshot{
		words: w.room(len(w.saved.words)), refs: append([]Message(nil), w.saved.refs...),
		ghosts: append([]uint64(nil), w.saved.ghosts...),
	}
	copy(s.words, w.saved.words)
	return s
}

// standAt notes that the world is in a saved state.
func (w *World) standAt(s *Snapshot) { w.base, w.last, w.since = s, s, w.since[:0] }

// room returns space for n words, cut from a larger piece.
func (w *World) room(n int) []uint64 {
	if len(w.slab) < n {
		w.slab = make([]uint64, max(n, 1<<14))
	}
	room := w.slab[:n:n]
	w.slab = w.slab[n:]
	return room
}

// Load puts the world into a saved state. Tasks are not run to get there: a
// task that is asked to go on takes a coroutine that is parked where the task
// is, whatever that coroutine's past.
func (w *World) Load(s *Snapshot) {
	w.Enabled()
	w.jumps = true
	w.violations = w.violations[:0]
	w.load(s)
	w.standAt(s)
	w.races.loaded(w, s)
	w.findEnabled()
}

// load puts fields and places back.
func (w *World) load(s *Snapshot) {
	w.loader.errand, w.loader.words, w.loader.refs, w.loader.ghosts = loading, s.words, s.refs, s.ghosts
	w.loader.at, w.loader.ref, w.loader.ghost = 0, 0, 0
	w.State(&w.loader)
	w.walked = false
}

// walk saves the state into w.saved, unless that is what it holds.
func (w *World) walk() {
	if w.walked {
		return
	}
	w.saved.words, w.saved.refs, w.saved.ghosts = w.saved.words[:0], w.saved.refs[:0], w.saved.ghosts[:0]
	w.State(&w.saved)
	w.walked = true
}

// Fingerprint hashes the state: two runs that came to the same state have the
// same fingerprint. Two states share one by accident with probability 2^-64.
func (w *World) Fingerprint() uint64 {
	w.Enabled()
	w.walk()
	return mixAll(w.saved.words)
}
