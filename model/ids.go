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

func (p Partition) String() string {
	if p == ConsumerOffsets {
		return "__consumer_offsets"
	}
	return "P" + strconv.Itoa(int(p))
}

// Offset is a position in a partition. A committed offset is the *next* to
// read: a consumer that has processed the message at 11 commits 12.
type Offset int64
