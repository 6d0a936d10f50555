package explore

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
)

// bindMemory returns how many bytes may be in use, and makes the collector keep
// to Options.Memory until the returned function is called. Beyond four fifths of
// it the collector would do nothing else.
func (o *Options) bindMemory() (limit int64, unbind func()) {
	was := debug.SetMemoryLimit(-1)
	bound := was // GOMEMLIMIT, or no bound
	if o.Memory > 0 {
		bound = min(was, o.Memory)
	}
	if bound == math.MaxInt64 {
		return bound, func() {}
	}
	debug.SetMemoryLimit(bound)
	return bound / 5 * 4, func() { debug.SetMemoryLimit(was) }
}

// memoryInUse is how many bytes the last collection left.
func memoryInUse() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
