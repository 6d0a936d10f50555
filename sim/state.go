package sim

import (
	"math/bits"
	"reflect"
	"unsafe"
)

// walker saves or loads the slots of a plan.
type walker struct {
	world   *World
	loading bool
	words   []uint64 // a word a number
	refs    []any    // what words cannot hold: messages, texts
	ghosts  []uint64 // words that the fingerprint leaves out
	at      int      // loading: the next of words
	ref     int      // loading: the next of refs
	ghost   int      // loading: the next of ghosts

	absolute bool    // moments by the time of day, not by their distance from now
	marks    bool    // saving: owners is asked for
	owners   []owner // saving: whose words begin where
}

// owner is where the words of an object begin.
type owner struct {
	object int // number of the object; 0: the words are nobody's
	at     int
}

type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// save saves the groups.
func (s *walker) save(groups []*group) {
	for _, g := range groups {
		if s.marks {
			number := 0
			if g.owner != nil {
				number = g.owner.number
			}
			s.owners = append(s.owners, owner{number, len(s.words)})
		}
		for i := range g.slots {
			x := &g.slots[i]
			switch x.op {
			case word64:
				s.words = append(s.words, *(*uint64)(x.at))
			case word32:
				s.words = append(s.words, uint64(*(*uint32)(x.at)))
			case word8:
				s.words = append(s.words, uint64(*(*uint8)(x.at)))
			case special:
				x.self.walk(s)
			default:
				s.put(x.op, x.at, x.elem)
			}
		}
	}
}

// put saves a slot.
func (s *walker) put(o op, at unsafe.Pointer, e *element) {
	switch o {
	case word8:
		s.words = append(s.words, uint64(*(*uint8)(at)))
	case word16:
		s.words = append(s.words, uint64(*(*uint16)(at)))
	case word32:
		s.words = append(s.words, uint64(*(*uint32)(at)))
	case word64, drawn:
		s.words = append(s.words, *(*uint64)(at))
	case text:
		t := *(*string)(at)
		s.words, s.refs = append(s.words, mixString(0, t)), append(s.refs, t)
	case moment:
		s.words = append(s.words, s.relative(*(*Time)(at)))
	case past:
		word := s.relative(*(*Time)(at))
		if !s.absolute && int64(word) < 0 {
			word = 0
		}
		s.words = append(s.words, word)
	case ghost:
		s.ghosts = append(s.ghosts, *(*uint64)(at))
	case request:
		(*Envelope)(at).walk(s)
	case list:
		s.putSlice((*sliceHeader)(at), e)
	}
}

func (s *walker) putSlice(h *sliceHeader, e *element) {
	s.words = append(s.words, uint64(h.len))
	if e.word {
		s.words = append(s.words, unsafe.Slice((*uint64)(h.data), h.len)...)
		return
	}
	for i := range h.len {
		base := unsafe.Add(h.data, uintptr(i)*e.size)
		for k := range e.parts {
			p := &e.parts[k]
			s.put(p.op, unsafe.Add(base, p.offset), p.elem)
		}
	}
}

// load loads the groups.
func (s *walker) load(groups []*group) {
	for _, g := range groups {
		for i := range g.slots {
			x := &g.slots[i]
			switch x.op {
			case word64:
				*(*uint64)(x.at) = s.next()
			case word32:
				*(*uint32)(x.at) = uint32(s.next())
			case word8:
				*(*uint8)(x.at) = uint8(s.next())
			case special:
				x.self.walk(s)
			default:
				s.get(x.op, x.at, x.elem)
			}
		}
	}
}

func (s *walker) next() uint64 {
	word := s.words[s.at]
	s.at++
	return word
}

func (s *walker) nextRef() any {
	ref := s.refs[s.ref]
	s.ref++
	return ref
}

// get loads a slot.
func (s *walker) get(o op, at unsafe.Pointer, e *element) {
	switch o {
	case word8:
		*(*uint8)(at) = uint8(s.next())
	case word16:
		*(*uint16)(at) = uint16(s.next())
	case word32:
		*(*uint32)(at) = uint32(s.next())
	case word64:
		*(*uint64)(at) = s.next()
	case drawn:
		if word := s.next(); !s.absolute {
			*(*uint64)(at) = word
		}
	case text:
		s.next()
		*(*string)(at) = s.nextRef().(string)
	case moment, past:
		*(*Time)(at) = s.instant(s.next())
	case ghost:
		*(*uint64)(at) = s.ghosts[s.ghost]
		s.ghost++
	case request:
		(*Envelope)(at).walk(s)
	case list:
		s.getSlice(at, e)
	}
}

func (s *walker) getSlice(at unsafe.Pointer, e *element) {
	n := int(s.next())
	resize(at, n, e)
	h := (*sliceHeader)(at)
	if e.word {
		s.at += copy(unsafe.Slice((*uint64)(h.data), n), s.words[s.at:])
		return
	}
	for i := range n {
		base := unsafe.Add(h.data, uintptr(i)*e.size)
		for k := range e.parts {
			p := &e.parts[k]
			s.get(p.op, unsafe.Add(base, p.offset), p.elem)
		}
	}
}

// resize gives a slice another length, and keeps its room. What lay in the room
// may still hold slices that others have by now, so it is cleared.
func resize(at unsafe.Pointer, n int, e *element) {
	h := (*sliceHeader)(at)
	if n == h.len {
		return
	}
	v := reflect.NewAt(e.slice, at).Elem()
	was := h.len
	if n > h.cap {
		v.Grow(n - was)
	}
	v.SetLen(n)
	if e.deep {
		for i := was; i < n; i++ {
			v.Index(i).SetZero()
		}
	}
}

// relative is the word of a moment: its distance from now.
func (s *walker) relative(at Time) uint64 {
	switch {
	case at == Never:
		return 1 << 63
	case s.absolute:
		return uint64(at)
	}
	return uint64(at - s.world.clock.now)
}

// instant is the moment of a word; the inverse of relative.
func (s *walker) instant(word uint64) Time {
	switch {
	case word == 1<<63:
		return Never
	case s.absolute:
		return Time(word)
	}
	return s.world.clock.now + Time(word)
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
	refs   []any
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
		words: w.room(len(w.saved.words)), refs: append([]any(nil), w.saved.refs...),
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
	w.loader.words, w.loader.refs, w.loader.ghosts = s.words, s.refs, s.ghosts
	w.loader.at, w.loader.ref, w.loader.ghost = 0, 0, 0
	w.loader.load(w.plan.groups)
	if w.timed != nil {
		w.timed.stale = true
	}
	w.walked = false
}

// walk saves the state into w.saved, unless that is what it holds.
func (w *World) walk() {
	if w.walked {
		return
	}
	w.saved.words, w.saved.refs, w.saved.ghosts = w.saved.words[:0], w.saved.refs[:0], w.saved.ghosts[:0]
	w.saved.save(w.plan.groups)
	w.walked = true
}

// Fingerprint hashes the state: two runs that came to the same state have the
// same fingerprint. Two states share one by accident with probability 2^-64.
func (w *World) Fingerprint() uint64 {
	w.Enabled()
	w.walk()
	return mixAll(w.saved.words)
}
