// Package locks takes the place of sync in a released client. Its locks wait on
// channels, which stop no bubble's clock, and a wake-up takes virtual time that a
// test sets. Otherwise they are Go's.
package locks

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// What is not a lock is that of sync.
type (
	Cond      = sync.Cond
	Locker    = sync.Locker
	Map       = sync.Map
	Once      = sync.Once
	Pool      = sync.Pool
	WaitGroup = sync.WaitGroup
)

// NewCond is that of sync.
func NewCond(l Locker) *Cond { return sync.NewCond(l) }

// Wake is how long a goroutine that waited for a Mutex needs until it goes on. Set
// it while nobody waits.
var Wake time.Duration

// starvation is how long a goroutine waits for a Mutex before it may ask to be
// served in its turn.
//
// Source: starvationThresholdNs in Go's internal/sync.
const starvation = time.Millisecond

// Mutex is sync.Mutex: whoever comes while the first in line wakes up takes it,
// until the first has waited for more than 1 ms.
//
// Differs: nobody spins.
type Mutex struct {
	mu       sync.Mutex
	prompt   bool // a wake-up takes no time
	held     bool
	starving bool
	woken    bool // the first in line is waking up
	line     []chan struct{}
}

// Lock is that of sync.
func (m *Mutex) Lock() {
	m.mu.Lock()
	if !m.held && !m.starving {
		m.held = true
		m.mu.Unlock()
		return
	}
	came, turn := time.Now(), make(chan struct{})
	m.line = append(m.line, turn)
	for {
		m.mu.Unlock()
		<-turn
		m.mu.Lock()
		if m.starving { // It was handed over.
			if time.Since(came) < starvation || len(m.line) == 0 {
				m.starving = false
			}
			m.mu.Unlock()
			yield()
			return
		}
		m.mu.Unlock()
		m.sleep()
		yield()
		m.mu.Lock()
		m.woken = false
		if !m.held {
			m.held = true
			m.mu.Unlock()
			return
		}
		m.starving = time.Since(came) > starvation
		turn = make(chan struct{})
		m.line = slices.Insert(m.line, 0, turn)
	}
}

func (m *Mutex) sleep() {
	if !m.prompt {
		time.Sleep(Wake)
	}
}

// yield lets whatever else happens at this instant happen first, on one processor.
func yield() {
	for range 100 {
		runtime.Gosched()
	}
}

// TryLock is that of sync.
func (m *Mutex) TryLock() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held || m.starving {
		return false
	}
	m.held = true
	return true
}

// Unlock is that of sync.
func (m *Mutex) Unlock() {
	m.mu.Lock()
	if !m.held {
		panic("locks: Unlock of a Mutex that nobody holds")
	}
	handed := m.starving && len(m.line) > 0
	m.held = handed
	if wakes := len(m.line) > 0 && !m.woken; handed || wakes {
		m.woken = !handed
		close(m.line[0])
		m.line = m.line[1:]
	}
	m.mu.Unlock()
	if handed {
		m.sleep() // It yields its processor to the next in line.
	}
}

// RWMutex is sync.RWMutex: readers who come while a writer waits wait for it. Its
// wake-ups take no time, as in racelab/sim.
type RWMutex struct {
	writers Mutex // between writers

	mu      sync.Mutex
	readers int
	writer  bool            // one holds it, or waits for the last reader
	last    chan struct{}   // the writer that waits for the last reader
	line    []chan struct{} // the readers that wait for the writer
}

// RLock is that of sync.
func (m *RWMutex) RLock() {
	m.mu.Lock()
	if !m.writer {
		m.readers++
		m.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	m.line = append(m.line, turn)
	m.mu.Unlock()
	<-turn
}

// TryRLock is that of sync.
func (m *RWMutex) TryRLock() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.writer {
		return false
	}
	m.readers++
	return true
}

// RUnlock is that of sync.
func (m *RWMutex) RUnlock() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readers--
	if m.readers == 0 && m.last != nil {
		close(m.last)
		m.last = nil
	}
}

// Lock is that of sync.
func (m *RWMutex) Lock() {
	m.mu.Lock()
	m.writers.prompt = true
	m.mu.Unlock()
	m.writers.Lock()
	m.mu.Lock()
	m.writer = true
	var last chan struct{}
	if m.readers > 0 {
		last = make(chan struct{})
		m.last = last
	}
	m.mu.Unlock()
	if last != nil {
		<-last
	}
}

// Unlock is that of sync.
func (m *RWMutex) Unlock() {
	m.mu.Lock()
	m.writer = false
	m.readers += len(m.line)
	for _, turn := range m.line {
		close(turn)
	}
	m.line = nil
	m.mu.Unlock()
	m.writers.Unlock()
}
