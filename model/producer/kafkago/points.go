package kafkago

// Points of a Writer. Each stands where a goroutine takes the lock of the partition,
// waits for another one, or asks the broker.
const (
	PointWrite    = "write messages" // writeMessages takes ptw.mutex
	PointQueue    = "queue batch"    // batchQueue.Put takes its own lock
	PointAwait    = "await batch"    // WriteMessages' select: the batch is done, or the context
	PointWithdraw = "withdraw"       // the same, after the context's end (Withdraw)
	PointNext     = "next batch"     // writeBatches takes the next one
	PointProduce  = "produce"        // writeBatch sends it
	PointResponse = "await response" // its response is read
	PointBackoff  = "back off"       // before it goes again
	PointCancel   = "cancel context" // the context that the application gave ends
)
