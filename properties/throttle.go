package properties

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// onWait keeps whether a send waits for the end of a throttle.
func onWait(p *sim.Property, waiting *bool) {
	sim.On(p, sim.Called|sim.Returned, func(c *sim.Claim, a sim.Act, _ *model.ThrottleWait) {
		if *waiting = a.Action == sim.Called; *waiting {
			c.Holds()
		}
	})
}

// ResponseReaderIsNeverBlocked claims that the response reader never waits for a
// sender that waits for the end of a throttle: for a lock that it holds, or for a
// value of the timer that it has taken. The reader is named by its task.
//
// The reader is who runs the callbacks, and who would hear of an error.
func ResponseReaderIsNeverBlocked(reader string) *sim.Property {
	var waiting bool
	p := sim.NewProperty("response-reader-is-never-blocked", &waiting)
	onWait(p, &waiting)
	return p.Always(func(c *sim.Claim) {
		wait, waits := c.Waits().Of(reader)
		if !waits {
			return
		}
		if wait.Timer {
			c.Fail(fmt.Errorf("%s, before %q, waits for %s", reader, wait.Point, wait.For()))
		} else if holder, ok := c.Waits().Of(wait.Holder); ok && holder.Timer && waiting {
			c.Fail(fmt.Errorf("%s, before %q, waits for %s, who waits for %s", reader, wait.Point, wait.For(), holder.For()))
		}
	})
}

// NoSenderWaitsForAStoppedTimer claims that whoever waits for the end of a
// throttle waits for a timer that will fire. The response reader, named by its
// task, is no sender.
func NoSenderWaitsForAStoppedTimer(reader string) *sim.Property {
	var waiting bool
	p := sim.NewProperty("no-sender-waits-for-a-stopped-timer", &waiting)
	onWait(p, &waiting)
	return p.Always(func(c *sim.Claim) {
		for _, wait := range c.Waits().Waits {
			if waiting && wait.Stopped && wait.Task != reader {
				c.Fail(fmt.Errorf("%s waits for %s", wait.Task, wait.For()))
			}
		}
	})
}

// EveryMessageIsDelivered claims that the application hears of each of its
// messages in the end: that it is delivered, or that the connection was closed
// before it was sent.
func EveryMessageIsDelivered(messages int) *sim.Property {
	var told int
	p := sim.NewProperty("every-message-is-delivered", &told)
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, _ *model.Produced) {
		told++
		c.Holds()
	})
	return p.Finally(func(c *sim.Claim) {
		if c.Holds(); told < messages {
			c.Fail(&LostMessagesError{messages - told, messages})
		}
	})
}

// LostMessagesError is that some messages have no outcome, and will have none.
type LostMessagesError struct{ Lost, All int }

func (e *LostMessagesError) Error() string {
	return fmt.Sprintf("%d of %d messages are neither delivered nor refused", e.Lost, e.All)
}

// Meaning is the break as the application sees it.
func (e *LostMessagesError) Meaning() string {
	return "The connection is stuck, with its lock held. Nothing is sent to this broker any more: messages pile up or " +
		"those who send them hang, and so does Close, until the process is started anew."
}

// What follows is judged in timed worlds.

// told is a throttle that a client was told of.
type told struct{ at, until sim.Time }

// throttles are those that a client was told of, in their order.
type throttles []told

// onThrottle keeps the throttles.
func onThrottle(p *sim.Property, l *throttles) {
	sim.On(p, sim.Received, func(c *sim.Claim, a sim.Act, response *model.ProduceResponse) {
		if response.ThrottleTime == 0 {
			c.Skip()
		} else if a.At != sim.Never {
			*l = append(*l, told{a.At, a.At.Add(response.ThrottleTime)})
		}
	})
}

// deadline is when the last of them is over.
func (l throttles) deadline() (at sim.Time) {
	for _, t := range l {
		at = max(at, t.until)
	}
	return at
}

// WaiterWakesByTheDeadline claims that whoever waits for the end of a throttle
// wakes no later than the last one ends that the client was told of.
func WaiterWakesByTheDeadline() *sim.Property {
	var m struct {
		throttles throttles
		waiting   bool
	}
	p := sim.NewProperty("waiter-wakes-by-the-deadline", &m)
	onThrottle(p, &m.throttles)
	sim.On(p, sim.Called|sim.Returned, func(c *sim.Claim, a sim.Act, _ *model.ThrottleWait) {
		if a.At == sim.Never {
			return
		}
		m.waiting = a.Action == sim.Called
		deadline := m.throttles.deadline()
		c.Assert(m.waiting || a.At <= deadline, "%s wakes at %v, and the last throttle was over at %v", a.Actor, a.At, deadline)
	})
	return p.Finally(func(c *sim.Claim) {
		if m.waiting {
			c.Fail(fmt.Errorf("a send waits for ever, and the last throttle was over at %v", m.throttles.deadline()))
		}
	})
}

// NothingIsSentDuringAThrottle claims that a client sends nothing while a
// throttle is in force, from the instant after it was told.
func NothingIsSentDuringAThrottle() *sim.Property {
	var throttles throttles
	p := sim.NewProperty("nothing-is-sent-during-a-throttle", &throttles)
	onThrottle(p, &throttles)
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, _ *model.ProduceRequest) {
		for _, t := range throttles {
			if a.At != sim.Never && t.at < a.At {
				c.Assert(a.At >= t.until, "%s sends at %v, and was told at %v to send nothing until %v", a.Actor, a.At, t.at, t.until)
			}
		}
	})
	return p
}

// onDelayedSend lets judge see each request that had to wait for throttles to
// end, and the throttles.
func onDelayedSend(p *sim.Property, m *delayed, judge func(c *sim.Claim, a sim.Act)) *sim.Property {
	onThrottle(p, &m.throttles)
	sim.On(p, sim.Called|sim.Returned, func(_ *sim.Claim, a sim.Act, _ *model.ThrottleWait) {
		m.waited = a.At != sim.Never
	})
	sim.On(p, sim.Sent, func(c *sim.Claim, a sim.Act, _ *model.ProduceRequest) {
		if a.At != sim.Never && m.waited {
			judge(c, a)
			m.waited = false
		}
	})
	return p
}

// delayed is the memory of onDelayedSend.
type delayed struct {
	throttles throttles
	waited    bool
}

// ThrottlesDoNotAddUp claims that what waits for the end of throttles is sent
// when the last of them is over, and not when their sum is.
func ThrottlesDoNotAddUp() *sim.Property {
	var m delayed
	return onDelayedSend(sim.NewProperty("throttles-do-not-add-up", &m), &m, func(c *sim.Claim, a sim.Act) {
		deadline := m.throttles.deadline()
		c.Assert(a.At <= deadline, "%s sends at %v, and the last throttle was over at %v", a.Actor, a.At, deadline)
	})
}

// LongerThrottleIsKept claims that a later throttle, which ends earlier, does
// not cut an earlier one short.
func LongerThrottleIsKept() *sim.Property {
	var m delayed
	return onDelayedSend(sim.NewProperty("longer-throttle-is-kept", &m), &m, func(c *sim.Claim, a sim.Act) {
		for i, longer := range m.throttles {
			for _, later := range m.throttles[i+1:] {
				if later.until < longer.until {
					c.Assert(a.At < later.until || longer.until <= a.At, "%s sends at %v, when a throttle of %v is over, and not at %v, when one of %v is",
						a.Actor, a.At, later.until.Sub(later.at), longer.until, longer.until.Sub(longer.at))
				}
			}
		}
	})
}

// CloseEndsWithinARoundTrip claims that to close the connection takes no longer
// than the broker needs to answer what is in flight: the given round trip.
func CloseEndsWithinARoundTrip(roundTrip time.Duration) *sim.Property {
	m := struct {
		called  sim.Time // Never: it was not, or is over
		closing bool
	}{called: sim.Never}
	p := sim.NewProperty("close-ends-within-a-round-trip", &m)
	sim.On(p, sim.Called|sim.Returned, func(c *sim.Claim, a sim.Act, _ *model.CloseConnection) {
		if a.At == sim.Never {
			return
		}
		called := m.called
		if m.closing = a.Action == sim.Called; m.closing {
			m.called = a.At
			return
		}
		m.called = sim.Never
		took := a.At.Sub(called)
		c.Assert(took <= roundTrip, "to close takes %v, and a round trip %v", took, roundTrip)
	})
	return p.Finally(func(c *sim.Claim) {
		if m.closing {
			c.Fail(fmt.Errorf("the connection is never closed"))
		}
	})
}
