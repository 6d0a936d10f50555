package explore

import "math/bits"

// seen is a set of fingerprints, numbered from 0 in the order in which they come. It
// takes 16 to 24 bytes a state.
type seen struct {
	slots []slot // open addressing
	count int
}

// slot is a fingerprint and, in one line of memory with it, its number. A fingerprint is
// cut in two, as a slot with a word of 64 bits would take 16 bytes.
type slot struct {
	low, high uint32
	number    uint32 // plus 1; 0: it is free
}

func newSeen() *seen { return &seen{slots: make([]slot, 1<<10)} }

// fetch brings what will be looked up into the processor's cache, all at once. What it
// returns has no use but to keep the compiler from leaving that out.
func (s *seen) fetch(prospects []Prospect) (sum uint32) {
	for _, p := range prospects {
		sum += s.slots[s.first(p.Fingerprint)].number
	}
	return sum
}

// first is the first slot in which a fingerprint may be.
func (s *seen) first(fingerprint uint64) uint64 {
	i, _ := bits.Mul64(fingerprint, uint64(len(s.slots)))
	return i
}

// slot returns where the fingerprint is, or where it belongs.
func (s *seen) slot(fingerprint uint64) *slot {
	low, high := uint32(fingerprint), uint32(fingerprint>>32)
	i := s.first(fingerprint)
	for {
		if at := &s.slots[i]; at.number == 0 || at.low == low && at.high == high {
			return at
		}
		if i++; i == uint64(len(s.slots)) {
			i = 0
		}
	}
}

func (s *seen) n() int { return s.count }

func (s *seen) has(fingerprint uint64) bool { return s.slot(fingerprint).number != 0 }

// find returns the number of a fingerprint, if the set has it.
func (s *seen) find(fingerprint uint64) (number uint32, ok bool) {
	at := s.slot(fingerprint)
	return at.number - 1, at.number > 0
}

// add returns the number of the fingerprint, and whether it is new.
func (s *seen) add(fingerprint uint64) (number uint32, isNew bool) {
	at := s.slot(fingerprint)
	if at.number > 0 {
		return at.number - 1, false
	}
	s.count++
	*at = slot{uint32(fingerprint), uint32(fingerprint >> 32), uint32(s.count)}
	if s.count*4 > len(s.slots)*3 {
		was := s.slots
		s.slots = make([]slot, len(was)/2*3)
		for _, x := range was {
			if x.number > 0 {
				*s.slot(x.fingerprint()) = x
			}
		}
	}
	return uint32(s.count - 1), true
}

func (x slot) fingerprint() uint64 { return uint64(x.high)<<32 | uint64(x.low) }

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
