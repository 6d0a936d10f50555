package model

// HeartbeatRequest keeps a member of a classic group in it.
//
// Source: HeartbeatRequest.json.
type HeartbeatRequest struct{ ConsumerGroupMetadata }

// HeartbeatResponse says whether the generation still stands.
//
// Source: HeartbeatResponse.json.
type HeartbeatResponse struct{ Error Error }

func (r *HeartbeatResponse) String() string { return r.Error.String() }
