package properties

import (
	"fmt"
	"time"

	"racelab/model"
	"racelab/sim"
)

// throttleTime is how long a client is told to send nothing, by an act that it
// learns it from; 0: it does not.
func throttleTime(o sim.Observation) time.Duration {
	if response, ok := o.Message.(*model.ProduceResponse); ok && o.Action == sim.Received {
		return response.ThrottleTime
	}
	return 0
}

// isWait says whether an act is about a send that waits.
func isWait(o sim.Observation) bool {
	_, wait := o.Message.(*model.ThrottleWait)
	return wait
}

// ResponseReaderIsNeverBlocked claims that the response reader never waits for a
// sender that waits for the end of a throttle: for a lock that it holds, or for
// a value of the timer that it has taken.
//
// The reader is who runs the callbacks, and who would hear of an error.
type ResponseReaderIsNeverBlocked struct {
	Reader  string `sim:"config"` // the name of its task
	waiting bool
}

func (p *ResponseReaderIsNeverBlocked) Name() string { return "response-reader-is-never-blocked" }

func (p *ResponseReaderIsNeverBlocked) Watches(o sim.Observation) bool { return isWait(o) }

// Observe notes who waits.
func (p *ResponseReaderIsNeverBlocked) Observe(o sim.Observation) (tested bool, err error) {
	p.waiting = o.Action == sim.Called
	return p.waiting, nil
}

// Look judges what the response reader waits for.
func (p *ResponseReaderIsNeverBlocked) Look(d *sim.Dump) (tested bool, err error) {
	wait, waits := d.Of(p.Reader)
	if !waits {
		return false, nil
	}
	if wait.Timer {
		return true, fmt.Errorf("%s, before %q, waits for %s", p.Reader, wait.Point, wait.For())
	}
	if holder, ok := d.Of(wait.Holder); ok && holder.Timer && p.waiting {
		return true, fmt.Errorf("%s, before %q, waits for %s, who waits for %s", p.Reader, wait.Point, wait.For(), holder.For())
	}
	return false, nil
}

// NoSenderWaitsForAStoppedTimer claims that whoever waits for the end of a
// throttle waits for a timer that will fire.
type NoSenderWaitsForAStoppedTimer struct {
	Reader  string `sim:"config"` // who is none
	waiting bool
}

func (p *NoSenderWaitsForAStoppedTimer) Name() string {
	return "no-sender-waits-for-a-stopped-timer"
}

func (p *NoSenderWaitsForAStoppedTimer) Watches(o sim.Observation) bool { return isWait(o) }

// Observe notes who waits.
func (p *NoSenderWaitsForAStoppedTimer) Observe(o sim.Observation) (tested bool, err error) {
	p.waiting = o.Action == sim.Called
	return p.waiting, nil
}

// Look judges what the sender waits for.
func (p *NoSenderWaitsForAStoppedTimer) Look(d *sim.Dump) (tested bool, err error) {
	for _, wait := range d.Waits {
		if p.waiting && wait.Stopped && wait.Task != p.Reader {
			return true, fmt.Errorf("%s waits for %s", wait.Task, wait.For())
		}
	}
	return false, nil
}

// EveryMessageIsDelivered claims that the application hears of each of its
// messages in the end: that it is delivered, or that the connection was closed
// before it was sent.
type EveryMessageIsDelivered struct {
	Messages int `sim:"config"`
	told     int32
}

func (p *EveryMessageIsDelivered) Name() string { return "every-message-is-delivered" }

func (p *EveryMessageIsDelivered) Watches(o sim.Observation) bool {
	_, produced := o.Message.(*model.Produced)
	return produced && o.Action == sim.Returned
}

// Observe counts.
func (p *EveryMessageIsDelivered) Observe(sim.Observation) (tested bool, err error) {
	p.told++
	return true, nil
}

// Look judges the end.
func (p *EveryMessageIsDelivered) Look(d *sim.Dump) (tested bool, err error) {
	if d.Over && int(p.told) < p.Messages {
		return true, &LostMessagesError{p.Messages - int(p.told), p.Messages}
	}
	return d.Over, nil
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

// hear notes what an act tells of a throttle, and says whether it does.
func (l *throttles) hear(o sim.Observation) bool {
	d := throttleTime(o)
	if d > 0 && o.At != sim.Never {
		*l = append(*l, told{o.At, o.At.Add(d)})
	}
	return d > 0
}

// deadline is when the last of them is over; false: there was none.
func (l throttles) deadline() (at sim.Time, any bool) {
	for _, t := range l {
		at = max(at, t.until)
	}
	return at, len(l) > 0
}

// isSend says whether an act is a request to write, in a timed world.
func isSend(o sim.Observation) bool {
	_, produce := o.Message.(*model.ProduceRequest)
	return produce && o.Action == sim.Sent
}

// WaiterWakesByTheDeadline claims that whoever waits for the end of a throttle
// wakes no later than the last one ends that the client was told of.
type WaiterWakesByTheDeadline struct {
	throttles throttles
	waiting   bool
}

func (p *WaiterWakesByTheDeadline) Name() string { return "waiter-wakes-by-the-deadline" }

func (p *WaiterWakesByTheDeadline) Watches(o sim.Observation) bool {
	return isWait(o) || throttleTime(o) > 0
}

// Observe judges the end of a wait.
func (p *WaiterWakesByTheDeadline) Observe(o sim.Observation) (tested bool, err error) {
	if o.At == sim.Never || p.throttles.hear(o) {
		return false, nil
	}
	p.waiting = o.Action == sim.Called
	deadline, _ := p.throttles.deadline()
	if p.waiting || o.At <= deadline {
		return true, nil
	}
	return true, fmt.Errorf("%s wakes at %v, and the last throttle was over at %v", o.Actor, o.At, deadline)
}

// Look judges a wait that does not end.
func (p *WaiterWakesByTheDeadline) Look(d *sim.Dump) (tested bool, err error) {
	if deadline, _ := p.throttles.deadline(); d.Over && p.waiting {
		return true, fmt.Errorf("a send waits for ever, and the last throttle was over at %v", deadline)
	}
	return false, nil
}

// NothingIsSentDuringAThrottle claims that a client sends nothing while a
// throttle is in force, from the instant after it was told.
type NothingIsSentDuringAThrottle struct{ throttles throttles }

func (p *NothingIsSentDuringAThrottle) Name() string { return "nothing-is-sent-during-a-throttle" }

func (p *NothingIsSentDuringAThrottle) Watches(o sim.Observation) bool {
	return isSend(o) || throttleTime(o) > 0
}

// Observe judges each request.
func (p *NothingIsSentDuringAThrottle) Observe(o sim.Observation) (tested bool, err error) {
	if o.At == sim.Never || p.throttles.hear(o) {
		return false, nil
	}
	for _, t := range p.throttles {
		tested = tested || t.at < o.At
		if t.at < o.At && o.At < t.until {
			return true, fmt.Errorf("%s sends at %v, and was told at %v to send nothing until %v", o.Actor, o.At, t.at, t.until)
		}
	}
	return tested, nil
}

// patience follows who waits for throttles to end, and then sends.
type patience struct {
	throttles throttles
	waited    bool
}

func (p *patience) Watches(o sim.Observation) bool {
	return isWait(o) || isSend(o) || throttleTime(o) > 0
}

// sends notes an act, and says whether it sends what had to wait.
func (p *patience) sends(o sim.Observation) bool {
	if o.At == sim.Never || p.throttles.hear(o) {
		return false
	}
	waited := p.waited
	p.waited = isWait(o)
	return waited && !p.waited
}

// ThrottlesDoNotAddUp claims that what waits for the end of throttles is sent
// when the last of them is over, and not when their sum is.
type ThrottlesDoNotAddUp struct{ patience }

func (p *ThrottlesDoNotAddUp) Name() string { return "throttles-do-not-add-up" }

// Observe judges each request that had to wait.
func (p *ThrottlesDoNotAddUp) Observe(o sim.Observation) (tested bool, err error) {
	if !p.sends(o) {
		return false, nil
	}
	if deadline, _ := p.throttles.deadline(); o.At > deadline {
		return true, fmt.Errorf("%s sends at %v, and the last throttle was over at %v", o.Actor, o.At, deadline)
	}
	return true, nil
}

// LongerThrottleIsKept claims that a later throttle, which ends earlier, does
// not cut an earlier one short.
type LongerThrottleIsKept struct{ patience }

func (p *LongerThrottleIsKept) Name() string { return "longer-throttle-is-kept" }

// Observe judges each request that had to wait.
func (p *LongerThrottleIsKept) Observe(o sim.Observation) (tested bool, err error) {
	if !p.sends(o) {
		return false, nil
	}
	for i, longer := range p.throttles {
		for _, later := range p.throttles[i+1:] {
			if later.until >= longer.until {
				continue
			}
			tested = true
			if later.until <= o.At && o.At < longer.until {
				return true, fmt.Errorf("%s sends at %v, when a throttle of %v is over, and not at %v, when one of %v is",
					o.Actor, o.At, later.until.Sub(later.at), longer.until, longer.until.Sub(longer.at))
			}
		}
	}
	return tested, nil
}

// CloseEndsWithinARoundTrip claims that to close the connection takes no longer
// than the broker needs to answer what is in flight.
type CloseEndsWithinARoundTrip struct {
	roundTrip time.Duration `sim:"config"`
	called    sim.Time      // Never: it was not, or is over
	closing   bool
}

// NewCloseEndsWithinARoundTrip returns the claim for a broker that answers what
// is in flight within the given time.
func NewCloseEndsWithinARoundTrip(roundTrip time.Duration) *CloseEndsWithinARoundTrip {
	return &CloseEndsWithinARoundTrip{roundTrip: roundTrip, called: sim.Never}
}

func (p *CloseEndsWithinARoundTrip) Name() string { return "close-ends-within-a-round-trip" }

func (p *CloseEndsWithinARoundTrip) Watches(o sim.Observation) bool {
	_, closes := o.Message.(*model.CloseConnection)
	return closes
}

// Observe judges the end of Close.
func (p *CloseEndsWithinARoundTrip) Observe(o sim.Observation) (tested bool, err error) {
	if o.At == sim.Never {
		return false, nil
	}
	called := p.called
	if p.closing = o.Action == sim.Called; p.closing {
		p.called = o.At
		return false, nil
	}
	p.called = sim.Never
	if took := o.At.Sub(called); took > p.roundTrip {
		return true, fmt.Errorf("to close takes %v, and a round trip %v", took, p.roundTrip)
	}
	return true, nil
}

// Look judges a Close that does not end.
func (p *CloseEndsWithinARoundTrip) Look(d *sim.Dump) (tested bool, err error) {
	if d.Over && p.closing {
		return true, fmt.Errorf("the connection is never closed")
	}
	return false, nil
}
