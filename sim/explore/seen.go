package explore

import (
	"math/bits"
	"unsafe"

	"racelab/sim/internal/cache"
)

// seen is a set of prints, numbered from 0 in the order in which they come. It
// takes 16 to 24 bytes a state, and 8 more with rests.
type seen struct {
	slots []slot // open addressing
	count int
	wide  bool     // prints have a rest
	rests []uint64 // by number
}

// slot is a fingerprint and, in one line of memory with it, its number. A fingerprint is
// cut in two, as a slot with a word of 64 bits would take 16 bytes.
type slot struct {
	low, high uint32
	number    uint32 // plus 1; 0: it is free
}

func newSeen() *seen { return &seen{slots: make([]slot, 1<<10)} }

// fetch brings the slot in which a fingerprint may be into the processor's cache. A search
// asks for many at once and does something else meanwhile, as each takes a hundred
// nanoseconds to come from a large set.
func (s *seen) fetch(fingerprint uint64) {
	cache.Fetch(unsafe.Pointer(&s.slots[s.first(fingerprint)]))
}

// first is the first slot in which a fingerprint may be.
func (s *seen) first(fingerprint uint64) uint64 {
	i, _ := bits.Mul64(fingerprint, uint64(len(s.slots)))
	return i
}

// slot returns where the print is, or where it belongs.
func (s *seen) slot(p print) *slot {
	low, high := uint32(p.hash), uint32(p.hash>>32)
	i := s.first(p.hash)
	for {
		if at := &s.slots[i]; at.number == 0 || at.low == low && at.high == high && (!s.wide || s.rests[at.number-1] == p.rest) {
			return at
		}
		if i++; i == uint64(len(s.slots)) {
			i = 0
		}
	}
}

func (s *seen) n() int { return s.count }

func (s *seen) has(p print) bool { return s.slot(p).number != 0 }

// find returns the number of a print, if the set has it.
func (s *seen) find(p print) (number uint32, ok bool) {
	at := s.slot(p)
	return at.number - 1, at.number > 0
}

// add returns the number of the print, and whether it is new.
func (s *seen) add(p print) (number uint32, isNew bool) {
	at := s.slot(p)
	if at.number > 0 {
		return at.number - 1, false
	}
	s.count++
	*at = slot{uint32(p.hash), uint32(p.hash >> 32), uint32(s.count)}
	if s.wide {
		s.rests = append(s.rests, p.rest)
	}
	if s.count*4 > len(s.slots)*3 {
		was := s.slots
		s.slots = make([]slot, len(was)/2*3)
		for _, x := range was {
			if x.number > 0 {
				*s.slot(s.print(x)) = x
			}
		}
	}
	return uint32(s.count - 1), true
}

func (x slot) fingerprint() uint64 { return uint64(x.high)<<32 | uint64(x.low) }

// print is that of a slot.
func (s *seen) print(x slot) print {
	p := print{hash: x.fingerprint()}
	if s.wide {
		p.rest = s.rests[x.number-1]
	}
	return p
}

// list is the fingerprints by their numbers.
func (s *seen) list() []uint64 {
	list := make([]uint64, s.count)
	for _, x := range s.slots {
		if x.number > 0 {
			list[x.number-1] = x.fingerprint()
		}
	}
	return list
}
