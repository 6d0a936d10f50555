package model

import "fmt"

// LeaderElected tells a broker that a partition has a new leader. The controller elects
// it; each broker learns of it when it comes to the record, so that for a while two may
// take themselves for the leader, or none.
//
// Source: PartitionChangeRecord.json, ReplicaManager.applyDelta.
type LeaderElected struct {
	Partition Partition
	Leader    string // a broker, by name
	Epoch     LeaderEpoch
}

func (e *LeaderElected) Name() string { return "elected" }
func (e *LeaderElected) String() string {
	return fmt.Sprintf("%s leads %v (epoch %d)", e.Leader, e.Partition, e.Epoch)
}
