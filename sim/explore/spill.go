package explore

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// frontier is the states of a level that are still to be expanded, in the order in which
// they were met: the first and the last in memory and, once it has spilled, those
// between them in a file.
type frontier struct {
	n     int // states
	first []checkpoint
	last  []checkpoint
	room  []checkpoint // for the last, of which the first of an earlier level are taken

	packer  packer
	file    Scratch // nil: it does not spill
	spilled bool
	chunk   int   // how many states are written at once
	chunks  []int // of the file: how many bytes each has
	from    int64 // where the first of them is
	size    int64 // where the next is
	buffer  []byte
	err     error
}

// packer writes states and reads them; see Engine.
type packer interface {
	Pack(to []byte, before, state any) []byte
	Unpack(from []byte, before any) (state any, rest []byte)
}

// chunkStates is how many states are written at once.
const chunkStates = 1024

// Scratch is a file, as *os.File is one, of which nobody else knows.
type Scratch interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// frontiers makes those of a search.
func (s *search) frontiers(o *Options) error {
	s.now, s.next = &frontier{}, &frontier{}
	if o.Spill[0] == nil {
		return nil
	}
	world := s.pool.cursors[0].world
	if world == nil {
		return errors.New("explore: the states of this system cannot be kept on disk")
	}
	for i, f := range []*frontier{s.now, s.next} {
		f.packer, f.file, f.chunk = world, o.Spill[i], cmp.Or(o.spilling, chunkStates)
	}
	return nil
}

// push adds a state.
func (f *frontier) push(c checkpoint) {
	f.last = append(f.last, c)
	f.n++
	if f.spilled {
		f.write()
	}
}

// take takes the first n states, or as many as there are.
func (f *frontier) take(n int) ([]checkpoint, error) {
	for len(f.first) < n && len(f.chunks) > 0 {
		if err := f.read(); err != nil {
			return nil, err
		}
	}
	switch {
	case len(f.first) == 0:
		f.first, f.last, f.room = f.last, f.room, f.last[:0]
	case len(f.first) < n:
		f.first, f.last = append(f.first, f.last...), nil
	}
	n = min(n, len(f.first))
	taken := f.first[:n]
	f.first, f.n = f.first[n:], f.n-n
	return taken, nil
}

// spill moves what is in memory to the file, and what comes then. Without a file it
// does nothing. The error says why it cannot go on.
func (f *frontier) spill() error {
	if f.file != nil && !f.spilled {
		f.spilled = true
		f.first, f.last, f.room = nil, append(f.first, f.last...), nil
		f.write()
	}
	return f.failure()
}

// write moves the last states to the file, in whole chunks.
func (f *frontier) write() {
	written := 0
	for ; len(f.last)-written >= f.chunk && f.err == nil; written += f.chunk {
		f.buffer = f.buffer[:0]
		var before any
		for _, c := range f.last[written : written+f.chunk] {
			f.buffer = f.packer.Pack(f.buffer, before, c.at)
			before = c.at
		}
		_, f.err = f.file.WriteAt(f.buffer, f.size)
		f.chunks, f.size = append(f.chunks, len(f.buffer)), f.size+int64(len(f.buffer))
	}
	if written > 0 {
		f.last = slices.Clone(f.last[written:])
	}
}

// read moves a chunk of the file to the first states.
func (f *frontier) read() error {
	bytes := f.chunks[0]
	if f.chunks = f.chunks[1:]; cap(f.buffer) < bytes {
		f.buffer = make([]byte, bytes)
	}
	if _, f.err = f.file.ReadAt(f.buffer[:bytes], f.from); f.err != nil {
		return f.failure()
	}
	if f.from += int64(bytes); len(f.chunks) == 0 {
		f.from, f.size = 0, 0
		f.err = f.file.Truncate(0)
	}
	var before any
	for rest := f.buffer[:bytes]; len(rest) > 0; {
		before, rest = f.packer.Unpack(rest, before)
		f.first = append(f.first, checkpoint{before})
	}
	return f.failure()
}

// failure is what went wrong with the file.
func (f *frontier) failure() error {
	if f.err == nil {
		return nil
	}
	err := f.err
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		err = of.Err // The name of the file means nothing to anybody.
	}
	return fmt.Errorf("states cannot be kept on disk: %w", err)
}
