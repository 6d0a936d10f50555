package librdkafka

import "racelab/sim"

// Points of the application's thread and of the main thread, besides those of
// producer.
const (
	PointEnqueue     sim.Point = "enqueue"      // before a record is in the queue
	PointFlush       sim.Point = "flush"        // awaiting the delivery of what is outstanding
	PointAwaitRecord sim.Point = "await record" // before the main thread takes one
	PointRegister    sim.Point = "register"     // before its timer registers a partition
	PointLinger      sim.Point = "linger"       // awaiting the end of a linger
	PointDelivered   sim.Point = "delivered"    // before a delivery is told
)
