// Package rand is what math/rand/v2 does by chance, in code under control: each
// run begins with the same numbers.
package rand

import (
	"math/rand/v2"

	"racelab/witness/rt"
)

// source returns a Rand of its own for each call, of the run's numbers.
func source() *rand.Rand { return rand.New(rt.PerRun(rt.NewSource)) }

// Each is the function of math/rand/v2 of its name.

func Int() int                           { return source().Int() }
func IntN(n int) int                     { return source().IntN(n) }
func Int32() int32                       { return source().Int32() }
func Int32N(n int32) int32               { return source().Int32N(n) }
func Int64() int64                       { return source().Int64() }
func Int64N(n int64) int64               { return source().Int64N(n) }
func Uint() uint                         { return source().Uint() }
func UintN(n uint) uint                  { return source().UintN(n) }
func Uint32() uint32                     { return source().Uint32() }
func Uint32N(n uint32) uint32            { return source().Uint32N(n) }
func Uint64() uint64                     { return source().Uint64() }
func Uint64N(n uint64) uint64            { return source().Uint64N(n) }
func Float32() float32                   { return source().Float32() }
func Float64() float64                   { return source().Float64() }
func NormFloat64() float64               { return source().NormFloat64() }
func ExpFloat64() float64                { return source().ExpFloat64() }
func Perm(n int) []int                   { return source().Perm(n) }
func Shuffle(n int, swap func(i, j int)) { source().Shuffle(n, swap) }

// N is rand.N.
func N[I ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](n I) I {
	if n <= 0 {
		panic("invalid argument to N")
	}
	return I(source().Uint64N(uint64(n)))
}
