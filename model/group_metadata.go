package model

import "fmt"

// ConsumerGroupMetadata is whom a request claims to come from. Its zero value is
// a simple consumer, which manages its partitions by itself and is no member
// (generation -1 on the wire).
//
// Source: ConsumerGroupMetadata.
// Differs: one group, so it is not named.
type ConsumerGroupMetadata struct {
	MemberID        MemberID
	GroupInstanceID GroupInstanceID
	GenerationID    GenerationID // in a KIP-848 group: the member epoch
}

// String is "m1@3" for a member in generation 3, "m1/i1@3" for a static one, and
// nothing for a simple consumer.
func (m ConsumerGroupMetadata) String() string {
	if m == (ConsumerGroupMetadata{}) {
		return ""
	}
	text := m.MemberID.String()
	if m.GroupInstanceID != 0 {
		text += "/" + m.GroupInstanceID.String()
	}
	return fmt.Sprintf("%s@%d", text, m.GenerationID)
}
