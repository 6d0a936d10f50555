package model

// DeleteGroupsRequest removes a group that has no members, and its offsets.
//
// Source: DeleteGroupsRequest.json.
type DeleteGroupsRequest struct{}

func (r *DeleteGroupsRequest) String() string { return "" }

// DeleteGroupsResponse is the answer to it.
//
// Source: DeleteGroupsResponse.json.
type DeleteGroupsResponse struct{ Error Error }

func (r *DeleteGroupsResponse) String() string { return r.Error.String() }
