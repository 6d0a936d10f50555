package model

// FindCoordinatorRequest asks any broker who coordinates the group.
//
// Source: FindCoordinatorRequest.json.
// Differs: one group, so it is not named.
type FindCoordinatorRequest struct{}

func (r *FindCoordinatorRequest) Name() string { return "FindCoordinator" }

func (r *FindCoordinatorRequest) String() string { return "" }

// FindCoordinatorResponse names the coordinator.
//
// Source: FindCoordinatorResponse.json.
// Differs: there is one broker, so it is not named.
type FindCoordinatorResponse struct{ Error Error }

func (r *FindCoordinatorResponse) Name() string { return "FindCoordinator" }

func (r *FindCoordinatorResponse) String() string { return r.Error.String() }
