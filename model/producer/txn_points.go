package producer

import "racelab/sim"

// Points of the transactional clients: each send, each wait for a response, each
// backoff, and what the application does between its calls.
const (
	PointStart       sim.Point = "start"         // before the client asks for its producer id
	PointAwaitID     sim.Point = "await id"      // before a response to InitProducerId is taken
	PointAwaitAdd    sim.Point = "await add"     // before one to AddPartitionsToTxn is
	PointAwaitAppend sim.Point = "await produce" // before one to Produce is
	PointAwaitEnd    sim.Point = "await end"     // before one to EndTxn is

	PointBackoff         sim.Point = "back off"          // a coordinator's refusal: time.Sleep or time.After until the next try
	PointProducerBackoff sim.Point = "producer back off" // asyncProducer.backoff before a batch goes again
	PointAwaitMetadata   sim.Point = "await metadata"    // before a batch that waits for a metadata update goes again
	PointSenderBackoff   sim.Point = "sender back off"   // the time.sleep in Sender.maybeSendAndPollTransactionalRequest
	PointBegin           sim.Point = "begin"             // before the application begins its next transaction
	PointAppBackoff      sim.Point = "application waits" // the loop or the pause that a write-up puts around BeginTxn
	PointWork            sim.Point = "work"              // what the application does before it commits
	PointEnqueue         sim.Point = "enqueue"           // before a record is in librdkafka's queue
	PointAwaitRecord     sim.Point = "await record"      // before its main thread takes one
	PointRegister        sim.Point = "register"          // before its timer registers a partition
	PointLinger          sim.Point = "linger"            // before a batch is sent
	PointDelivered       sim.Point = "delivered"         // before a delivery is told
	PointFlush           sim.Point = "flush"             // before a commit goes on with all delivered
	PointAbort           sim.Point = "abort"             // before the application aborts, or tries to again
)
