package sarama

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// throttle is what the broker has said, as response reader and sender share it.
type throttle struct {
	release           Release `sim:"config"`
	timers            sim.Timers
	throttleTimer     sim.Var[sim.Ref]
	throttleTimerLock sim.Mutex // since 1.43.1
	proposedThrottle
}

func newThrottle(config BrokerConfig) *throttle {
	b := &throttle{release: config.Release}
	b.timers.Init(max(config.Throttles, 1))
	b.proposedThrottle.init(config.Proposal)
	return b
}

// frame is a goroutine inside the throttle. Its fields are the local variables of
// the functions that it calls.
type frame struct {
	*throttle
	throttleTime time.Duration // of the response at hand
	proposedFrame
}

func newFrame(b *Broker) frame {
	return frame{throttle: b.throttle, proposedFrame: newProposedFrame()}
}

func (b *frame) handleThrottledResponse(t *sim.Task) {
	if b.throttleTime > 0 {
		b.setThrottle(t)
	}
	b.throttleTime = 0
}

// setThrottle replaces the timer, since 1.43.1 under a lock.
func (b *frame) setThrottle(t *sim.Task) {
	switch {
	case b.proposal.sharesDeadline():
		b.setDeadline(t)
		return
	case b.release < Release1_43_0:
		return
	case b.release >= Release1_43_1:
		b.throttleTimerLock.Lock(t.At(PointThrottleLock)) // The wait of the sender is the response reader's, too.
	}
	t.Step(PointNilCheck)
	if b.loadTimer(t) != 0 {
		t.Step(PointStop) // S3: the sender sets nil.
		if !b.sharedTimer(t).Stop(t) {
			t.Step(PointDrain)
			b.sharedTimer(t).Receive(t.At(PointDrained)) // S2: the sender has had what was in C.
		}
	}
	t.Step(PointInstall) // S1: the sender waits for the timer that is stopped. S5: it begins to.
	ref := b.timers.New(t)
	b.timers.At(ref).Start(t, b.throttleTime)
	b.storeTimer(t, ref)
	b.unlockTimer(t)
}

// waitIfThrottled awaits the timer, since 1.43.1 under a lock. Its caller holds
// broker.lock.
func (b *frame) waitIfThrottled(t *sim.Task) {
	switch {
	case b.proposal.sharesDeadline():
		b.awaitDeadline(t)
		return
	case b.release < Release1_43_0:
		return
	case b.release >= Release1_43_1:
		b.throttleTimerLock.Lock(t.At(PointThrottleLock))
	}
	t.Step(PointCheckThrottle)
	if b.loadTimer(t) != 0 {
		t.Step(PointLoadChannel)
		t.Call(&model.ThrottleWait{})
		b.sharedTimer(t).Receive(t.At(PointReceive))
		t.Return(&model.ThrottleWait{})
		t.Step(PointSetNil)
		b.storeTimer(t, 0)
	}
	b.unlockTimer(t)
}

// unlockTimer is what 1.43.1 defers.
func (b *frame) unlockTimer(t *sim.Task) {
	if b.release >= Release1_43_1 {
		b.throttleTimerLock.Unlock(t)
	}
}

// loadTimer reads throttleTimer.
func (b *frame) loadTimer(t *sim.Task) sim.Ref {
	if b.proposal == AtomicPointer {
		return b.throttlePointer.Load(t)
	}
	return b.throttleTimer.Get(t)
}

// storeTimer writes throttleTimer.
func (b *frame) storeTimer(t *sim.Task, timer sim.Ref) {
	if b.proposal == AtomicPointer {
		b.throttlePointer.Store(t, timer)
	} else {
		b.throttleTimer.Set(t, timer)
	}
}

// sharedTimer is the timer that throttleTimer points to.
func (b *frame) sharedTimer(t *sim.Task) *sim.Timer {
	timer := b.loadTimer(t)
	if timer == 0 {
		panic("invalid memory address or nil pointer dereference")
	}
	return b.timers.At(timer)
}

// describe says which throttle there is.
func (b *throttle) describe() string {
	if timer := max(b.throttleTimer.Peek(), b.throttlePointer.Peek()); timer != 0 {
		return fmt.Sprintf("timer %d", timer)
	}
	if deadline := max(b.throttleDeadline.Peek(), b.deadline.Peek()); deadline != sim.Never {
		return fmt.Sprintf("until %v", time.Duration(deadline))
	}
	return "none"
}
