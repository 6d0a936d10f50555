package sim

import (
	"fmt"
	"math"
	"math/bits"
	"reflect"
)

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

func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashOf hashes a message through all it holds. It goes by reflection, so that
// no message can forget a field; a message is hashed once, when it is sent.
func hashOf(m Message) uint64 {
	v := reflect.ValueOf(m)
	return hashValue(mixString(0, v.Type().String()), v)
}

func hashValue(hash uint64, v reflect.Value) uint64 {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return mix(hash, 1)
		}
		return mix(hash, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return mix(hash, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return mix(hash, v.Uint())
	case reflect.String:
		return mixString(hash, v.String())
	case reflect.Float32, reflect.Float64:
		return mix(hash, math.Float64bits(v.Float()))
	case reflect.Pointer:
		if v.IsNil() {
			return mix(hash, 0)
		}
		return hashValue(mix(hash, 1), v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return mix(hash, 0)
		}
		return hashValue(mixString(hash, v.Elem().Type().String()), v.Elem())
	case reflect.Slice, reflect.Array:
		hash = mix(hash, uint64(v.Len()))
		for i := range v.Len() {
			hash = hashValue(hash, v.Index(i))
		}
		return hash
	case reflect.Struct:
		for i := range v.NumField() {
			hash = hashValue(hash, v.Field(i))
		}
		return hash
	default:
		panic(fmt.Sprintf("sim: a message, or what a channel carries, holds a %s: make it of numbers, texts, booleans, structs, slices and pointers", v.Type()))
	}
}
