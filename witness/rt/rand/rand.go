// Package rand is what math/rand does by chance, in code under control: each run
// begins with the same numbers.
package rand

import (
	"math/rand"

	"racelab/witness/rt"
)

// source returns a Rand of its own for each call, of the run's numbers.
func source() *rand.Rand { return rand.New(rt.PerRun(rt.NewSource)) }

// Each is the function of math/rand of its name.

func Int() int                           { return source().Int() }
func Intn(n int) int                     { return source().Intn(n) }
func Int31() int32                       { return source().Int31() }
func Int31n(n int32) int32               { return source().Int31n(n) }
func Int63() int64                       { return source().Int63() }
func Int63n(n int64) int64               { return source().Int63n(n) }
func Uint32() uint32                     { return source().Uint32() }
func Uint64() uint64                     { return source().Uint64() }
func Float32() float32                   { return source().Float32() }
func Float64() float64                   { return source().Float64() }
func NormFloat64() float64               { return source().NormFloat64() }
func ExpFloat64() float64                { return source().ExpFloat64() }
func Perm(n int) []int                   { return source().Perm(n) }
func Shuffle(n int, swap func(i, j int)) { source().Shuffle(n, swap) }
func Read(p []byte) (n int, err error)   { return rt.PerRun(rt.NewBytes).Read(p) }
func Seed(seed int64)                    { source().Seed(seed) }
