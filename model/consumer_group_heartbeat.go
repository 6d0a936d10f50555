package model

import "fmt"

// ConsumerGroupHeartbeatRequest joins a KIP-848 group, keeps the member in it,
// acknowledges what it has revoked, and leaves: all by its epoch.
//
// Source: ConsumerGroupHeartbeatRequest.json; KIP-848.
// Differs: every heartbeat names the partitions that the member owns, while
// clients leave out what has not changed; no static members.
type ConsumerGroupHeartbeatRequest struct {
	MemberID    MemberID
	MemberEpoch MemberEpoch
	Owned       []Partition // ascending: TopicPartitions
}

func (r *ConsumerGroupHeartbeatRequest) String() string {
	return fmt.Sprintf("%v@%d %s", r.MemberID, r.MemberEpoch, FormatPartitions(r.Owned))
}

// ConsumerGroupHeartbeatResponse tells the member its epoch, and what it may
// consume.
//
// Source: ConsumerGroupHeartbeatResponse.json.
// Differs: every answer names the assignment, also if it has not changed.
type ConsumerGroupHeartbeatResponse struct {
	Error       Error
	MemberEpoch MemberEpoch
	Assignment  []Partition // ascending
}

func (r *ConsumerGroupHeartbeatResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	return fmt.Sprintf("@%d %s", r.MemberEpoch, FormatPartitions(r.Assignment))
}
