package model

// FindCoordinatorRequest asks any broker which broker coordinates the group.
//
// Source: FindCoordinatorRequest.json.
type FindCoordinatorRequest struct{}

func (r *FindCoordinatorRequest) String() string { return "" }

// FindCoordinatorResponse is the answer to it.
//
// Source: FindCoordinatorResponse.json.
// Differs: there is one coordinator, so an answer without an error names none.
type FindCoordinatorResponse struct{ Error Error }

func (r *FindCoordinatorResponse) String() string { return r.Error.String() }
