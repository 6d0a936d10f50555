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
	words  []uint64                    // fingerprinting: one word a field
	seen   map[unsafe.Pointer]struct{} // auditing: the addresses that the walk met
	world  *World                      // binding: where objects get their number
}

type errand uint8

const (
	fingerprinting errand = iota
	binding
	auditing
)

// Int walks a field of any integer type.
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](s *State, field *T) {
	switch s.errand {
	case fingerprinting:
		s.words = append(s.words, uint64(*field))
	case auditing:
		s.met(unsafe.Pointer(field))
	}
}

// Bool walks a field of any boolean type.
func Bool[T ~bool](s *State, field *T) {
	switch s.errand {
	case fingerprinting:
		word := uint64(0)
		if *field {
			word = 1
		}
		s.words = append(s.words, word)
	case auditing:
		s.met(unsafe.Pointer(field))
	}
}

// Slice walks a slice: its length, then each element by the given function.
func Slice[T any](s *State, field *[]T, element func(*State, *T)) {
	switch s.errand {
	case fingerprinting:
		s.words = append(s.words, uint64(len(*field)))
	case auditing:
		s.met(unsafe.Pointer(field))
	}
	for i := range *field {
		element(s, &(*field)[i])
	}
}

func (s *State) met(address unsafe.Pointer) {
	s.seen[address] = struct{}{}
}

// object walks the part that all objects of the world have in common.
func (s *State) object(o *object) {
	switch s.errand {
	case binding:
		s.world.bind(o)
	case auditing:
		s.met(unsafe.Pointer(o))
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
