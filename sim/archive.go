package sim

import (
	"encoding/binary"
	"slices"
)

// archive turns saved states into bytes and back, for a search that keeps them on
// disk. It keeps in memory each record of which they are made, once: to a message a
// record holds a pointer, which no file can. The bytes of a state are the numbers of
// its records, as far as they are not those of the state before it.
type archive struct {
	records []*record
	numbers map[uint64]uint32 // of records, by hash; one whose place is taken has the next that is free
}

// number is the number of a record, or of one that is the same.
func (a *archive) number(r *record) uint64 {
	for at := r.hash; ; at++ {
		n, known := a.numbers[at]
		switch {
		case !known:
			if a.numbers == nil {
				a.numbers = map[uint64]uint32{}
			}
			n = uint32(len(a.records))
			a.records, a.numbers[at] = append(a.records, r), n
			return uint64(n)
		case a.records[n].hash == r.hash && slices.Equal(a.records[n].words, r.words):
			return uint64(n)
		}
	}
}

// pack appends the bytes of a state to others. Before is the state that was packed
// before it; nil: there is none.
func (w *World) pack(to []byte, before, s *snapshot) []byte {
	to = binary.AppendVarint(to, int64(s.now))
	last := -1
	for k, b := range s.blocks {
		if before != nil && before.blocks[k] == b {
			continue
		}
		for i, r := range b {
			if r == nil || before != nil && before.blocks[k][i] == r {
				continue
			}
			at := k*blockSize + i
			to = binary.AppendUvarint(to, uint64(at-last))
			to = binary.AppendUvarint(to, w.archive.number(r))
			last = at
		}
	}
	return binary.AppendUvarint(to, 0)
}

// unpack is the state of the first of some bytes, and what follows them. Before is
// what it was for pack.
func (w *World) unpack(from []byte, before *snapshot) (s *snapshot, rest []byte) {
	now, n := binary.Varint(from)
	from = from[n:]
	next := func() int {
		number, n := binary.Uvarint(from)
		from = from[n:]
		return int(number)
	}
	s = &snapshot{now: Time(now), blocks: make([]*block, len(w.blocks))}
	if before != nil {
		copy(s.blocks, before.blocks)
	}
	var open block // the records of the block that is being changed
	at, in := -1, -1
	closeBlock := func() {
		if in >= 0 {
			s.blocks[in] = w.blockOf(open)
		}
	}
	for gap := next(); gap > 0; gap = next() {
		if at += gap; at/blockSize != in {
			closeBlock()
			if in, open = at/blockSize, (block{}); s.blocks[in] != nil {
				open = *s.blocks[in]
			}
		}
		open[at%blockSize] = w.archive.records[next()]
	}
	closeBlock()
	return s, from
}
