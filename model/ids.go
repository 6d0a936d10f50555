package model

import "strconv"

// Partition is a partition of the one topic that a model needs.
type Partition int32

func (p Partition) String() string { return "P" + strconv.Itoa(int(p)) }

// Offset is a position in a partition. A committed offset is the *next* to
// read: a consumer that has processed the message at 11 commits 12.
type Offset int64

// NoOffset is the answer where nothing was committed, or none may be told.
//
// Source: OffsetFetchResponse.INVALID_OFFSET.
const NoOffset Offset = -1
