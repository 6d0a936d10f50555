package producer

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// SaramaThrottling is how the response reader tells the sender that the broker
// wants to be left alone: the difference between the releases.
type SaramaThrottling uint8

const (
	// NoThrottling tells it nothing.
	//
	// Source: sarama before 1.41.0.
	NoThrottling SaramaThrottling = iota
	// Unlocked shares a timer, with nothing around it.
	//
	// Source: sarama 1.41.0 to 1.43.0.
	Unlocked
	// AtomicPointer is Unlocked, with an atomic pointer to the timer.
	//
	// Source: the text of sarama pull request 2826; never released.
	AtomicPointer
	// ThrottleTimerLock is Unlocked, with a lock around all of it, the wait
	// included.
	//
	// Source: sarama pull request 2826, release 1.43.1 and later.
	ThrottleTimerLock
	// DeadlineNotify shares a deadline under a lock. A sender waits by a timer of
	// its own, with no lock but broker.lock, and is woken when the deadline changes
	// or Close wants that lock.
	//
	// Source: sarama pull request 3711, open.
	// Differs: the notification is a token in a buffer of one and no closed
	// channel: at most one goroutine waits, for it holds broker.lock.
	DeadlineNotify
	// AtomicDeadline shares a deadline that only ever grows, atomically. A sender
	// sleeps until then.
	//
	// Source: none; it is what is left of a proposal once nothing shares a timer.
	AtomicDeadline
)

// saramaThrottle is what the broker has said, as response reader and sender
// share it.
type saramaThrottle struct {
	throttling SaramaThrottling `sim:"config"`

	// Unlocked, AtomicPointer, ThrottleTimerLock.
	timers            sim.Timers
	throttleTimer     sim.Var[sim.Ref]
	throttlePointer   sim.Atomic[sim.Ref] // throttleTimer of AtomicPointer
	throttleTimerLock sim.Mutex           // of DeadlineNotify: throttleLock

	// DeadlineNotify.
	throttleDeadline sim.Var[sim.Time]
	throttleNotify   sim.Chan[bool]
	closing          sim.Var[bool]

	// AtomicDeadline.
	deadline sim.Atomic[sim.Time]
}

func newSaramaThrottle(config SaramaBrokerConfig) *saramaThrottle {
	b := &saramaThrottle{throttling: config.Throttling}
	b.timers.Init(max(config.Throttles, 1))
	b.throttleDeadline.Init(sim.Never)
	b.deadline.Init(sim.Never)
	if b.throttling == DeadlineNotify {
		b.throttleNotify.Init(1)
	}
	return b
}

// saramaFrame is a goroutine inside the throttle. Its fields are the local
// variables of the functions that it calls.
type saramaFrame struct {
	*saramaThrottle
	throttleTime time.Duration // of the response at hand
	timer        sim.Timer     // of a wait
	due          sim.Time      // of a deadline; Never: none
	cancelled    bool          // the wait was: ErrNotConnected
}

func newSaramaFrame(b *SaramaBroker) saramaFrame {
	return saramaFrame{saramaThrottle: b.throttle, due: sim.Never}
}

// setThrottle is the one of each release.
func (b *saramaFrame) setThrottle(t *sim.Task) {
	switch b.throttling {
	case Unlocked, AtomicPointer:
		b.replaceTimer(t)
	case ThrottleTimerLock:
		b.throttleTimerLock.Lock(t, PointThrottleLock) // The wait of the sender is the response reader's, too.
		b.replaceTimer(t)
		b.throttleTimerLock.Unlock(t)
	case DeadlineNotify:
		b.replaceDeadline(t)
	case AtomicDeadline:
		b.extendDeadline(t)
	}
}

// waitIfThrottled is the one of each release. Its caller holds broker.lock.
func (b *saramaFrame) waitIfThrottled(t *sim.Task) {
	switch b.throttling {
	case Unlocked, AtomicPointer:
		b.awaitTimer(t)
	case ThrottleTimerLock:
		b.throttleTimerLock.Lock(t, PointThrottleLock)
		b.awaitTimer(t)
		b.throttleTimerLock.Unlock(t)
	case DeadlineNotify:
		b.awaitNotified(t)
	case AtomicDeadline:
		b.awaitDeadline(t)
	}
}

// replaceTimer is setThrottle of 1.41.0.
func (b *saramaFrame) replaceTimer(t *sim.Task) {
	t.Yield(PointNilCheck)
	if b.loadTimer(t) != 0 {
		t.Yield(PointStop) // S3: the sender sets nil.
		if !b.sharedTimer(t).Stop(t) {
			t.Yield(PointDrain)
			b.sharedTimer(t).Receive(t, PointDrained) // S2: the sender has had what was in C.
		}
	}
	t.Yield(PointInstall) // S1: the sender waits for the timer that is stopped. S5: it begins to.
	ref := b.timers.New(t)
	b.timers.At(ref).Start(t, b.throttleTime)
	b.storeTimer(t, ref)
}

// awaitTimer is waitIfThrottled of 1.41.0.
func (b *saramaFrame) awaitTimer(t *sim.Task) {
	t.Yield(PointCheckThrottle)
	if b.loadTimer(t) == 0 {
		return
	}
	t.Yield(PointLoadChannel)
	t.Called(&model.ThrottleWait{})
	b.sharedTimer(t).Receive(t, PointReceive)
	t.Returned(&model.ThrottleWait{})
	t.Yield(PointSetNil)
	b.storeTimer(t, 0)
}

// loadTimer reads throttleTimer.
func (b *saramaFrame) loadTimer(t *sim.Task) sim.Ref {
	if b.throttling == AtomicPointer {
		return b.throttlePointer.Load(t)
	}
	return b.throttleTimer.Get(t)
}

// storeTimer writes throttleTimer.
func (b *saramaFrame) storeTimer(t *sim.Task, timer sim.Ref) {
	if b.throttling == AtomicPointer {
		b.throttlePointer.Store(t, timer)
	} else {
		b.throttleTimer.Set(t, timer)
	}
}

// sharedTimer is the timer that throttleTimer points to.
func (b *saramaFrame) sharedTimer(t *sim.Task) *sim.Timer {
	timer := b.loadTimer(t)
	if timer == 0 {
		panic("invalid memory address or nil pointer dereference")
	}
	return b.timers.At(timer)
}

// replaceDeadline is setThrottle of pull request 3711.
func (b *saramaFrame) replaceDeadline(t *sim.Task) {
	b.throttleTimerLock.Lock(t, PointThrottleLock)
	if !b.closing.Get(t) {
		b.throttleDeadline.Set(t, t.Now().Add(b.throttleTime)) // A shorter throttle replaces a longer one.
		b.notify(t)
	}
	b.throttleTimerLock.Unlock(t)
}

// notify wakes the sender that waits, or the next one that would.
func (b *saramaFrame) notify(t *sim.Task) {
	t.Select(PointNotify, b.throttleNotify.Sending(true), sim.Default())
}

// awaitNotified is waitIfThrottled of pull request 3711.
func (b *saramaFrame) awaitNotified(t *sim.Task) {
	for {
		b.throttleTimerLock.Lock(t, PointCheckThrottle)
		b.cancelled = b.closing.Get(t)
		b.due = b.throttleDeadline.Get(t)
		b.throttleTimerLock.Unlock(t)
		if b.cancelled || !b.startTimer(t) {
			return
		}
		t.Called(&model.ThrottleWait{})
		t.Select(PointAwaitThrottle, b.timer.Receiving(), b.throttleNotify.Receiving())
		t.Returned(&model.ThrottleWait{})
		b.timer.Stop(t)
	}
}

// startTimer arms a timer of the goroutine's own for when the throttle is over,
// and says whether it is not over yet.
func (b *saramaFrame) startTimer(t *sim.Task) bool {
	due := b.due
	b.due = sim.Never
	if due == sim.Never || !t.Now().Before(due) {
		return false
	}
	b.timer.Start(t, due.Sub(t.Now()))
	return true
}

// cancel is what Close of pull request 3711 does before it takes broker.lock.
func (b *saramaFrame) cancel(t *sim.Task) {
	if b.throttling != DeadlineNotify {
		return
	}
	b.throttleTimerLock.Lock(t, PointCancelThrottle)
	b.closing.Set(t, true)
	b.notify(t)
	b.throttleTimerLock.Unlock(t)
}

// extendDeadline makes the deadline a later one, or leaves it: in Go, a loop
// around CompareAndSwap.
func (b *saramaFrame) extendDeadline(t *sim.Task) {
	t.Yield(PointDeadline)
	due := t.Now().Add(b.throttleTime)
	if due > b.deadline.Load(t) {
		b.deadline.Store(t, due)
	}
}

// awaitDeadline sleeps until the deadline is over, which may have become a
// later one by then.
func (b *saramaFrame) awaitDeadline(t *sim.Task) {
	for {
		t.Yield(PointCheckThrottle)
		b.due = b.deadline.Load(t)
		if !b.startTimer(t) {
			return
		}
		t.Called(&model.ThrottleWait{})
		b.timer.Receive(t, PointAwaitThrottle)
		t.Returned(&model.ThrottleWait{})
	}
}

// describe says which throttle there is.
func (b *saramaThrottle) describe() string {
	timer := max(b.throttleTimer.Peek(), b.throttlePointer.Peek())
	deadline := max(b.throttleDeadline.Peek(), b.deadline.Peek())
	switch {
	case timer != 0:
		return fmt.Sprintf("timer %d", timer)
	case deadline != sim.Never:
		return fmt.Sprintf("until %v", deadline)
	}
	return "none"
}
