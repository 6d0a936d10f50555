package sim

import (
	"reflect"
	"unsafe"
)

// Word is what a Var, an Atomic or a List can hold: a whole number or a bool. In
// place of a text use a number with a name (type Status int), in place of an int8,
// an int16, a uint or a uint8 a wider one, in place of a float whole units, and in
// place of a pointer a Ref. A struct is several Vars, and a map a List of keys and
// one of values.
type Word interface {
	~int | ~int32 | ~int64 | ~uint32 | ~uint64 | ~bool
}

// scalar is the one word that holds a variable's value.
func scalar[T any](value *T) uint64 {
	switch unsafe.Sizeof(*value) {
	case 1:
		return uint64(*(*uint8)(unsafe.Pointer(value)))
	case 2:
		return uint64(*(*uint16)(unsafe.Pointer(value)))
	case 4:
		return uint64(*(*uint32)(unsafe.Pointer(value)))
	default:
		return *(*uint64)(unsafe.Pointer(value))
	}
}

// fromWord is the value that a word holds.
func fromWord[T any](word uint64) (value T) {
	at := unsafe.Pointer(&value)
	switch unsafe.Sizeof(value) {
	case 1:
		*(*uint8)(at) = uint8(word)
	case 2:
		*(*uint16)(at) = uint16(word)
	case 4:
		*(*uint32)(at) = uint32(word)
	default:
		*(*uint64)(at) = word
	}
	return value
}

// strangeWord is a word that no run is likely to have; of a boolean, the other.
func strangeWord[T Word](word uint64) uint64 {
	var value T
	if _, ok := any(value).(Time); ok {
		return 1 << 63 // Never: any other moves with the clock.
	}
	if unsafe.Sizeof(value) == 1 {
		return word ^ 1
	}
	return word ^ 0x2aa55a5
}

// carried is a value on its way through a channel: a number or, of anything else,
// its hash and the value itself.
type carried struct {
	word uint64
	ref  reference
}

// reference is what no word can hold. It never changes.
type reference struct{ to any }

func carry[T any](value T) carried {
	v := reflect.ValueOf(&value).Elem()
	if isWord(v.Kind()) {
		return carried{word: scalar(&value)}
	}
	return carried{hashValue(mixString(0, v.Type().String()), v), reference{value}}
}

func valueOf[T any](x carried) T {
	if isWord(reflect.TypeFor[T]().Kind()) {
		return fromWord[T](x.word)
	}
	value, _ := x.ref.to.(T)
	return value
}

// isWord says whether a word holds all values of the kind.
func isWord(k reflect.Kind) bool { return k >= reflect.Bool && k <= reflect.Uint64 }
