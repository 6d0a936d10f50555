package kafkago

import (
	"racelab/model"
	"racelab/sim"
)

// ConsumerGroup is the goroutine that joins the group, generation by generation.
//
// Source: ConsumerGroup.run.
type ConsumerGroup struct {
	*Reader
	leave       *sim.Conn
	timer       sim.Timer
	err         model.Error
	groupClosed bool // nextGeneration returned ErrGroupClosed
}

// NewConsumerGroup returns it, with the connection that a LeaveGroup takes.
func (r *Reader) NewConsumerGroup(leave *sim.Conn) *ConsumerGroup {
	return &ConsumerGroup{Reader: r, leave: leave}
}

func (cg *ConsumerGroup) Run(t *sim.Task) {
	for cg.turn(t) {
	}
	cg.finished.Close(t)
}

// turn is one turn of the loop, and says whether there is another.
func (cg *ConsumerGroup) turn(t *sim.Task) (more bool) {
	cg.nextGeneration(t)
	if cg.groupClosed {
		cg.leaveGroup(t)
		return false
	}
	if cg.err == model.ErrRebalanceInProgress { // It stays a member, and joins again; unless the group is closed now.
		chosen := t.At(PointReport).Select(cg.closed.Receiving(), cg.errs.Sending(cg.err))
		if chosen == &cg.closed {
			return false // Still a member, and nobody says so.
		}
	}
	return true
}

// nextGeneration joins, and stays until the generation ends.
func (cg *ConsumerGroup) nextGeneration(t *sim.Task) {
	t.Step(PointJoin)
	cg.conn.Send(t, &model.JoinGroupRequest{MemberID: cg.id})
	cg.conn.Receive(t.At(PointAwaitJoin))
	cg.conn.Send(t, &model.SyncGroupRequest{ConsumerGroupMetadata: model.ConsumerGroupMetadata{MemberID: cg.id}})
	cg.err = cg.conn.Receive(t.At(PointAwaitSync)).(*model.SyncGroupResponse).Error
	if cg.err != model.None {
		return
	}
	chosen := t.At(PointOffer).Select(cg.closed.Receiving(), cg.next.Sending(true))
	if chosen == &cg.closed {
		cg.groupClosed = true
		return
	}
	cg.generation(t)
}

// generation is heartbeatLoop, and nextGeneration's wait for the end of the
// generation.
//
// Differs: they are one goroutine, so the group's end is noticed after a heartbeat's
// answer; gen.close waits for that too.
func (cg *ConsumerGroup) generation(t *sim.Task) {
	cg.timer.StartTicker(t, HeartbeatInterval)
	for cg.err == model.None && !cg.groupClosed {
		chosen := t.At(PointGeneration).Select(cg.closed.Receiving(), cg.timer.Receiving())
		if chosen == &cg.closed {
			cg.groupClosed = true
			break
		}
		cg.conn.Send(t, &model.HeartbeatRequest{ConsumerGroupMetadata: model.ConsumerGroupMetadata{MemberID: cg.id}})
		cg.err = cg.conn.Receive(t.At(PointAwaitHeartbeat)).(*model.HeartbeatResponse).Error
	}
	cg.timer.Stop(t)
	cg.err = model.None // A heartbeat's error ends the generation, and is no error of it.
}

// leaveGroup takes the member out of the group.
func (cg *ConsumerGroup) leaveGroup(t *sim.Task) {
	cg.leave.Send(t, &model.LeaveGroupRequest{MemberID: cg.id})
	cg.leave.Receive(t.At(PointAwaitLeave))
}

// Describe shows nothing besides what is shared.
func (cg *ConsumerGroup) Describe(func(name, value string)) {}
