package plain

// Points of the producer, besides those of producer: before it begins, and where it
// waits.
const (
	PointStart           = "start"             // before InitProducerId
	PointBegin           = "begin"             // before a transaction
	PointAwaitAddOffsets = "await add offsets" // AddOffsetsToTxnHandler
	PointAwaitOffsets    = "await offsets"     // TxnOffsetCommitHandler
	PointSend            = "send"              // a batch, with others in flight
	PointTimeOut         = "time out"          // a request has no answer for request.timeout.ms
)
