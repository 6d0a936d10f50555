package properties

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// CloseEnds claims that a Close that was called returns in the end, as long as
// whoever can go on gets its turn. M is what its call and its return are told by.
func CloseEnds[M any]() *sim.Property {
	var closing bool
	p := sim.NewProperty("close-ends", &closing)
	sim.On(p, sim.Called|sim.Returned, func(c *sim.Claim, a sim.Act, _ M) {
		closing = a.Action == sim.Called
		c.Holds()
	})
	return p.Eventually(func(c *sim.Claim) {
		if closing {
			c.Fail(&CloseHangsError{})
		}
	})
}

// CloseHangsError is a Close that never returns.
type CloseHangsError struct{}

func (*CloseHangsError) Error() string { return "Close was called, and does not return" }

// Meaning is the break as the application sees it.
func (*CloseHangsError) Meaning() string {
	return "Whoever called Close waits for ever, and what the application does after it is not done: the process ends when somebody kills it."
}

// CloseEndsWithin claims that Close takes no longer than the given time. It is
// judged in timed worlds. M is what its call and its return are told by.
func CloseEndsWithin[M any](limit time.Duration) *sim.Property {
	called := sim.Never
	p := sim.NewProperty("close-ends-in-time", &called)
	sim.On(p, sim.Called|sim.Returned, func(c *sim.Claim, a sim.Act, _ M) {
		if a.Action == sim.Called || a.At == sim.Never {
			called = a.At
			return
		}
		took := a.At.Sub(called)
		called = sim.Never
		c.Assert(took <= limit, "Close takes %v, and has %v", took, limit)
	})
	return p
}

// ClosedMemberHasLeft claims that a member whose Close has returned is not in its group
// any more. The member is named by its id.
//
// One that still is stays until its session times out, and has its partitions until then.
func ClosedMemberHasLeft(member model.MemberID) *sim.Property {
	var in bool
	p := sim.NewProperty("closed-member-has-left", &in)
	sim.OnReply(p, func(_ *sim.Claim, _ sim.Act, request *model.JoinGroupRequest, answer *model.JoinGroupResponse) {
		if request.MemberID == member {
			in = answer.Error == model.None
		}
	})
	sim.OnReply(p, func(_ *sim.Claim, _ sim.Act, request *model.LeaveGroupRequest, _ *model.LeaveGroupResponse) {
		if request.MemberID == member {
			in = false
		}
	})
	sim.On(p, sim.Returned, func(c *sim.Claim, _ sim.Act, _ *model.Closed) {
		c.Assert(!in, "Close has returned, and %v is still a member of the group", member)
	})
	return p
}
