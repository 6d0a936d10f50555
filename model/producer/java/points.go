package java

const (
	// PointSenderBackoff is the time.sleep in
	// Sender.maybeSendAndPollTransactionalRequest.
	PointSenderBackoff = "sender back off"
	// PointBatchBackoff is in the RecordAccumulator: a batch that was refused is not ready.
	PointBatchBackoff = "batch backs off"
	// PointNextRequest is in Sender.runOnce: nothing is to be sent.
	PointNextRequest = "next request"
	// PointAwaitResult is in TransactionalRequestResult.await.
	PointAwaitResult = "await result"
	// PointAwaitFuture is in the application: Future.get of a record.
	PointAwaitFuture = "await future"
	// PointThinks is in the application, from a record that it does not wait for to
	// abortTransaction or commitTransaction.
	PointThinks = "thinks better"
)
