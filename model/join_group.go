package model

import (
	"fmt"
	"strings"
	"time"
)

// JoinGroupRequest asks to be part of the next generation.
//
// Source: JoinGroupRequest.json.
// Differs: all members support one assignor and read the one topic, so neither
// is named. As up to version 3: a member that is new gets its id with the answer
// (KIP-394 makes it come again with that id).
type JoinGroupRequest struct {
	MemberID         MemberID
	GroupInstanceID  GroupInstanceID
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration
}

func (r *JoinGroupRequest) String() string {
	who := "new member"
	if r.MemberID != 0 {
		who = r.MemberID.String()
	}
	if r.GroupInstanceID != 0 {
		who += "/" + r.GroupInstanceID.String()
	}
	return who
}

// JoinGroupResponse begins a generation for one member.
//
// Source: JoinGroupResponse.json.
type JoinGroupResponse struct {
	Error          Error
	GenerationID   GenerationID
	MemberID       MemberID
	Leader         MemberID
	SkipAssignment bool       // the leader need not assign anything: a static member came back
	Members        []MemberID // for the leader alone, in the order in which they joined
}

func (r *JoinGroupResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	text := fmt.Sprintf("%v@%d", r.MemberID, r.GenerationID)
	if len(r.Members) > 0 {
		text += " leads " + join(r.Members)
	}
	return text
}

func join[T fmt.Stringer](list []T) string {
	parts := make([]string, len(list))
	for i, one := range list {
		parts[i] = one.String()
	}
	return strings.Join(parts, ", ")
}
