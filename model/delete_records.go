package model

import "fmt"

// DeleteRecordsRequest deletes what a partition has before an offset.
//
// Source: DeleteRecordsRequest.json.
type DeleteRecordsRequest struct {
	Partition Partition
	Offset    Offset // the first that stays; NoOffset: the high watermark
}

func (r *DeleteRecordsRequest) Name() string { return "DeleteRecords" }

func (r *DeleteRecordsRequest) String() string {
	return fmt.Sprintf("%v before %d", r.Partition, r.Offset)
}

// DeleteRecordsResponse says where the log starts now.
//
// Source: DeleteRecordsResponse.json.
type DeleteRecordsResponse struct {
	Error        Error
	LowWatermark Offset // NoOffset: see Error
}

func (r *DeleteRecordsResponse) Name() string { return "DeleteRecords" }

func (r *DeleteRecordsResponse) String() string {
	if r.Error != None {
		return r.Error.String()
	}
	return fmt.Sprintf("from %d", r.LowWatermark)
}
