package model

// LeaveGroupRequest takes a member out of a classic group.
//
// Source: LeaveGroupRequest.json.
// Differs: one member a request, and never by its instance id alone.
type LeaveGroupRequest struct {
	MemberID        MemberID
	GroupInstanceID GroupInstanceID
}

func (r *LeaveGroupRequest) String() string { return r.MemberID.String() }

// LeaveGroupResponse is the answer to it.
//
// Source: LeaveGroupResponse.json.
type LeaveGroupResponse struct{ Error Error }

func (r *LeaveGroupResponse) String() string { return r.Error.String() }
