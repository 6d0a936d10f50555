package kgo

import "racelab/sim"

// The points of kgo's producer, and of an application that uses it: each lock,
// each wait, each go statement, and each promise that tells of a failure.
const (
	PointSubmit         sim.Point = "submit"          // in a timed world: until the application has its next record
	PointGate           sim.Point = "gate"            // before the application's lock around Produce
	PointBufferRecord   sim.Point = "buffer"          // before recBuf.mu, in bufferRecord
	PointPaused         sim.Point = "paused"          // in bufferRecord: awaiting Resume
	PointDrainSink      sim.Point = "drain"           // before sink.drain is started, and runs
	PointCreateReq      sim.Point = "create request"  // before recBuf.mu, in createReq; then the request goes out
	PointAwaitRequest   sim.Point = "await request"   // before handleSeqResps is started, and runs
	PointReadProduced   sim.Point = "read response"   // in handleSeqResps: awaiting the response
	PointHandleResponse sim.Point = "handle response" // before recBuf.mu, in handleReqRespBatch
	PointStartPromises  sim.Point = "start promises"  // before finishPromises is started, and runs
	PointScheduled      sim.Point = "scheduled"       // in a timed world: from the go statement until finishPromises runs
	PointCallPromise    sim.Point = "promise"         // before a record's promise
	PointMetadata       sim.Point = "load metadata"   // before recBuf.mu: the metadata has an error for the partition
	PointAwaitUpdate    sim.Point = "await update"    // awaiting the next update of the metadata
	PointClearFailing   sim.Point = "clear failing"   // before recBuf.mu: the metadata is new
	PointCancelContext  sim.Point = "cancel context"  // before the context of a record is cancelled
	PointLinger         sim.Point = "linger"          // awaiting the end of a linger
	PointUnlinger       sim.Point = "unlinger"        // before recBuf.mu, in unlingerAndManuallyDrain
	PointFlush          sim.Point = "flush"           // awaiting the outcome of all that is buffered
	PointAwaitFailure   sim.Point = "await failure"   // of the application: until a promise tells it of a failure
	PointRecover        sim.Point = "recover"         // before recBuf.mu, in RecoverFailedProducePartitions
	PointClear          sim.Point = "clear"           // before recBuf.mu, in ClearPartition
	PointPauses         sim.Point = "look at pause"   // before recBuf.mu: the application asks which pause it is
	PointAwaitBegin     sim.Point = "await begin"     // whoever submits, until the transaction has begun
	PointResetSequences sim.Point = "reset sequences" // before recBuf.mu, in resetAllProducerSequences
	PointResume         sim.Point = "resume"          // before recBuf.mu, in Resume
)

// The points of a producer in transactions, besides those of producer.
const (
	PointBegin         sim.Point = "begin"          // before the application begins its transaction
	PointAwaitMetadata sim.Point = "await metadata" // before a batch that waits for a metadata update goes again
)
