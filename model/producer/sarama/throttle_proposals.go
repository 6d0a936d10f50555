package sarama

import (
	"racelab/model"
	"racelab/sim"
)

// Proposal is another way for the response reader to tell the sender that the
// broker wants to be left alone, which was never released.
type Proposal uint8

const (
	// Released is none: the client is as released.
	Released Proposal = iota
	// AtomicPointer is 1.43.0, with an atomic pointer to the timer.
	//
	// Source: the text of sarama pull request 2826.
	AtomicPointer
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
	// AwaitUnlocked is the release, but Close releases broker.lock while it waits for
	// the response reader.
	//
	// Source: none.
	AwaitUnlocked
)

// sharesDeadline says whether no timer is shared.
func (p Proposal) sharesDeadline() bool { return p == DeadlineNotify || p == AtomicDeadline }

// proposedThrottle is what a proposal shares in place of throttleTimer.
type proposedThrottle struct {
	proposal Proposal `sim:"config"`

	throttlePointer sim.Atomic[sim.Ref] // AtomicPointer

	// DeadlineNotify. Its throttleLock is throttleTimerLock.
	throttleDeadline sim.Var[sim.Time]
	throttleNotify   sim.Chan[bool]
	closing          sim.Var[bool]

	deadline sim.Atomic[sim.Time] // AtomicDeadline
}

func (b *proposedThrottle) init(proposal Proposal) {
	b.proposal = proposal
	b.throttleDeadline.Init(sim.Never)
	b.deadline.Init(sim.Never)
	if proposal == DeadlineNotify {
		b.throttleNotify.Init(1)
	}
}

// proposedFrame is what a goroutine of a proposal keeps in local variables.
type proposedFrame struct {
	timer     sim.Timer // of a wait
	due       sim.Time  // of a deadline; Never: none
	cancelled bool      // the wait was: ErrNotConnected
}

func newProposedFrame() proposedFrame { return proposedFrame{due: sim.Never} }

// takeCancelled says whether Close has cancelled the wait, and forgets it.
func (b *proposedFrame) takeCancelled() bool {
	cancelled := b.cancelled
	b.cancelled = false
	return cancelled
}

// setDeadline is setThrottle.
func (b *frame) setDeadline(t *sim.Task) {
	if b.proposal == DeadlineNotify {
		b.replaceDeadline(t)
	} else {
		b.extendDeadline(t)
	}
}

// awaitDeadline is waitIfThrottled.
func (b *frame) awaitDeadline(t *sim.Task) {
	if b.proposal == DeadlineNotify {
		b.awaitNotified(t)
	} else {
		b.awaitAtomic(t)
	}
}

// replaceDeadline is setThrottle of pull request 3711.
func (b *frame) replaceDeadline(t *sim.Task) {
	b.throttleTimerLock.Lock(t.At(PointThrottleLock))
	if !b.closing.Get(t) {
		b.throttleDeadline.Set(t, t.Now().Add(b.throttleTime)) // A shorter throttle replaces a longer one.
		b.notify(t)
	}
	b.throttleTimerLock.Unlock(t)
}

// notify wakes the sender that waits, or the next one that would.
func (b *frame) notify(t *sim.Task) {
	t.At(PointNotify).Select(b.throttleNotify.Sending(true), sim.SelectDefault())
}

// awaitNotified is waitIfThrottled of pull request 3711.
func (b *frame) awaitNotified(t *sim.Task) {
	for {
		b.throttleTimerLock.Lock(t.At(PointCheckThrottle))
		b.cancelled = b.closing.Get(t)
		b.due = b.throttleDeadline.Get(t)
		b.throttleTimerLock.Unlock(t)
		if b.cancelled || !b.startTimer(t) {
			return
		}
		t.Call(&model.ThrottleWait{})
		t.At(PointAwaitThrottle).Select(b.timer.Receiving(), b.throttleNotify.Receiving())
		t.Return(&model.ThrottleWait{})
		b.timer.Stop(t)
	}
}

// startTimer arms a timer of the goroutine's own for when the throttle is over,
// and says whether it is not over yet.
func (b *frame) startTimer(t *sim.Task) bool {
	due := b.due
	b.due = sim.Never
	if due == sim.Never || !t.Now().Before(due) {
		return false
	}
	b.timer.Start(t, due.Sub(t.Now()))
	return true
}

// cancelThrottle is what Close of pull request 3711 does before it takes
// broker.lock.
func (b *frame) cancelThrottle(t *sim.Task) {
	if b.proposal != DeadlineNotify {
		return
	}
	b.throttleTimerLock.Lock(t.At(PointCancelThrottle))
	b.closing.Set(t, true)
	b.notify(t)
	b.throttleTimerLock.Unlock(t)
}

// extendDeadline makes the deadline a later one, or leaves it: in Go, a loop
// around CompareAndSwap.
func (b *frame) extendDeadline(t *sim.Task) {
	t.Step(PointDeadline)
	due := t.Now().Add(b.throttleTime)
	if due > b.deadline.Load(t) {
		b.deadline.Store(t, due)
	}
}

// awaitAtomic sleeps until the deadline is over, which may have become a later
// one by then.
func (b *frame) awaitAtomic(t *sim.Task) {
	for {
		t.Step(PointCheckThrottle)
		b.due = b.deadline.Load(t)
		if !b.startTimer(t) {
			return
		}
		t.Call(&model.ThrottleWait{})
		b.timer.Receive(t.At(PointAwaitThrottle))
		t.Return(&model.ThrottleWait{})
	}
}
