package model

import (
	"fmt"
	"strings"
)

// SyncGroupRequest asks for the member's assignment; the leader's brings those
// of all.
//
// Source: SyncGroupRequest.json.
type SyncGroupRequest struct {
	ConsumerGroupMetadata
	Assignments []MemberAssignment // from the leader alone
}

// MemberAssignment is what a member is to consume.
type MemberAssignment struct {
	MemberID   MemberID
	Partitions []Partition // ascending
}

func (a MemberAssignment) String() string {
	return fmt.Sprintf("%v: %s", a.MemberID, FormatPartitions(a.Partitions))
}

func (r *SyncGroupRequest) String() string {
	text := r.ConsumerGroupMetadata.String()
	if len(r.Assignments) > 0 {
		text += " {" + join(r.Assignments) + "}"
	}
	return text
}

// SyncGroupResponse tells a member what it is to consume.
//
// Source: SyncGroupResponse.json.
type SyncGroupResponse struct {
	Error      Error
	Assignment []Partition // ascending
}

func (r *SyncGroupResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	return FormatPartitions(r.Assignment)
}

// FormatPartitions writes partitions as pictures show them: "[P0 P1]".
func FormatPartitions(partitions []Partition) string {
	parts := make([]string, len(partitions))
	for i, p := range partitions {
		parts[i] = p.String()
	}
	return "[" + strings.Join(parts, " ") + "]"
}
