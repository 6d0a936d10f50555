package sim

import (
	"reflect"
	"unsafe"
)

// walker saves or loads the slots of a plan.
type walker struct {
	world   *World
	loading bool
	words   []uint64 // a word a number
	refs    []any    // what words cannot hold: messages, texts
	at      int      // loading: the next of words
	ref     int      // loading: the next of refs

	absolute bool // moments by the time of day, not by their distance from now
}

type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// save saves a group.
func (s *walker) save(g *group) {
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
	case request:
		(*Envelope)(at).walk(s)
	case unhashed:
		s.refs = append(s.refs, (*reference)(at).to)
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

// load loads a group.
func (s *walker) load(g *group) {
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
	case request:
		(*Envelope)(at).walk(s)
	case unhashed:
		(*reference)(at).to = s.nextRef()
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
	if n <= h.cap && (n <= h.len || !e.deep) {
		h.len = n
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
