package explore

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// room is how many bytes the collector lets a small search make before it looks at
// them. At the usual tenth of that it would take a quarter of the time.
const room = 64 << 20

// collector is the garbage collector of the process, which searches share.
var collector struct {
	mu       sync.Mutex
	searches int
	limit    int64 // the process's limit, when there is no search
	percent  int   // GOGC, when there is no search
}

// memoryBound is what a search may hold.
type memoryBound struct {
	limit int64 // how many bytes may be in use
	live  int64 // for which the collector was set
}

// bindMemory makes the collector keep to Options.Memory until release is called.
// Beyond four fifths of it the collector would do nothing else.
func (o *Options) bindMemory() *memoryBound {
	c := &collector
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.searches++; c.searches == 1 {
		c.limit, c.percent = debug.SetMemoryLimit(-1), debug.SetGCPercent(-1)
		debug.SetGCPercent(c.percent)
	}
	bound := c.limit // GOMEMLIMIT, or no bound
	if o.Memory > 0 {
		bound = min(bound, o.Memory)
	}
	if bound == math.MaxInt64 {
		return &memoryBound{limit: bound}
	}
	debug.SetMemoryLimit(bound)
	return &memoryBound{limit: bound / 5 * 4}
}

// holds tells the collector how many bytes are in use. A search that holds little
// gets room, as far as the limit has it.
func (m *memoryBound) holds(live int64) {
	if collector.percent < 0 || live < 2*m.live && m.live > 0 {
		return
	}
	m.live = max(live, 1<<20)
	debug.SetGCPercent(max(collector.percent, int(100*min(room, m.limit/4)/m.live)))
}

// begins says why a search cannot begin: what the process holds without it is too much.
func (m *memoryBound) begins() error {
	if memoryInUse() <= m.limit {
		return nil
	}
	runtime.GC() // What is in use counts what others have left.
	if held := memoryInUse(); held > m.limit {
		return fmt.Errorf("the search may hold %d KB, and %d KB are in use before it begins: allow it more memory", m.limit>>10, held>>10)
	}
	return nil
}

// release puts the collector back, after the last search.
func (m *memoryBound) release() {
	c := &collector
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.searches--; c.searches == 0 {
		debug.SetMemoryLimit(c.limit)
		debug.SetGCPercent(c.percent)
	}
}

// memoryInUse is how many bytes the last collection left or, before the first, how
// many there are.
func memoryInUse() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if live := sample[0].Value.Uint64(); live > 0 {
		return int64(live)
	}
	return int64(sample[1].Value.Uint64())
}
