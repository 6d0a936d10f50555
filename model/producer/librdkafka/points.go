package librdkafka

// Points of the application's thread and of the main thread, besides those of
// producer.
const (
	PointEnqueue     = "enqueue"      // before a record is in the queue
	PointFlush       = "flush"        // awaiting the delivery of what is outstanding
	PointAwaitRecord = "await record" // before the main thread takes one
	PointRegister    = "register"     // before its timer registers a partition
	PointLinger      = "linger"       // awaiting the end of a linger
	PointDelivered   = "delivered"    // before a delivery is told
)
