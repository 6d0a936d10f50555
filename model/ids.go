package model

import "strconv"

// Partition is a partition of the one topic that a model needs.
type Partition int32

// ConsumerOffsets is the partition of __consumer_offsets that holds the offsets
// of the one group. A transaction that commits offsets writes there too.
//
// Differs: a partition of another topic, by a number that the one topic does not
// use.
const ConsumerOffsets Partition = -1

// LeaderEpoch counts the elections of a partition's leader.
type LeaderEpoch int32

func (p Partition) String() string {
	if p == ConsumerOffsets {
		return "__consumer_offsets"
	}
	return "P" + strconv.Itoa(int(p))
}

// Offset is a position in a partition. A committed offset is the *next* to
// read: a consumer that has processed the message at 11 commits 12.
type Offset int64

// NoOffset is the answer where nothing was committed, or none may be told.
//
// Source: OffsetFetchResponse.INVALID_OFFSET.
const NoOffset Offset = -1

// MemberID names a member of a group. In a classic group the coordinator makes
// it, in a KIP-848 group the member.
//
// Differs: a number from 1 in place of a text; 0 is no member, "" on the wire.
type MemberID int32

func (m MemberID) String() string { return "m" + strconv.Itoa(int(m)) }

// GroupInstanceID names a static member over its restarts: group.instance.id.
//
// Source: KIP-345.
// Differs: a number from 1 in place of a text; 0 is a dynamic member.
type GroupInstanceID int32

func (i GroupInstanceID) String() string { return "i" + strconv.Itoa(int(i)) }

// GenerationID counts the rebalances of a classic group, from 1.
//
// Differs: 0 is none, which is -1 on the wire; no member ever gets generation 0.
type GenerationID int32

// GroupEpoch counts the changes of a KIP-848 group, from 1.
type GroupEpoch int32

// MemberEpoch is the group epoch that a member of a KIP-848 group has come to.
type MemberEpoch int32

const (
	JoinGroupEpoch  MemberEpoch = 0  // in a heartbeat: the member joins
	LeaveGroupEpoch MemberEpoch = -1 // in a heartbeat: the member leaves
)
