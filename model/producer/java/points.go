package java

const (
	// PointSenderBackoff is the time.sleep in
	// Sender.maybeSendAndPollTransactionalRequest.
	PointSenderBackoff = "sender back off"
	// PointBatchBackoff is in the RecordAccumulator: a batch that was refused is not ready.
	PointBatchBackoff = "batch backs off"
	// PointThinks is in the application, from a record that it does not wait for to
	// abortTransaction.
	PointThinks = "thinks better"
)
