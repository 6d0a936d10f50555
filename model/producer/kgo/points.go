package kgo

// The points of kgo's producer, and of an application that uses it: each lock,
// each wait, each go statement, and each promise that tells of a failure.
const (
	PointSubmit         = "submit"          // in a timed world: until the application has its next record
	PointGate           = "gate"            // before the application's lock around Produce
	PointBufferRecord   = "buffer"          // before recBuf.mu, in bufferRecord
	PointPaused         = "paused"          // in bufferRecord: awaiting Resume
	PointDrainSink      = "drain"           // before sink.drain is started, and runs
	PointCreateReq      = "create request"  // before recBuf.mu, in createReq; then the request goes out
	PointLoadConnection = "load connection" // under recBuf.mu: the connection is dead
	PointAwaitRequest   = "await request"   // before handleSeqResps is started, and runs
	PointReadProduced   = "read response"   // in handleSeqResps: awaiting the response
	PointHandleResponse = "handle response" // before recBuf.mu, in handleReqRespBatch
	PointStartPromises  = "start promises"  // before finishPromises is started, and runs
	PointScheduled      = "scheduled"       // in a timed world: from the go statement until finishPromises runs
	PointCallPromise    = "promise"         // before a record's promise
	PointMetadata       = "load metadata"   // before recBuf.mu: the metadata has an error for the partition
	PointAwaitMinAge    = "await min age"   // updateMetadataLoop waits out MetadataMinAge
	PointAwaitUpdate    = "await update"    // awaiting the next update of the metadata
	PointClearFailing   = "clear failing"   // before recBuf.mu: the metadata is new
	PointCancelContext  = "cancel context"  // before the context of a record is cancelled
	PointLinger         = "linger"          // awaiting the end of a linger
	PointUnlinger       = "unlinger"        // before recBuf.mu, in unlingerAndManuallyDrain
	PointFlush          = "flush"           // awaiting the outcome of all that is buffered
	PointAwaitFailure   = "await failure"   // of the application: until a promise tells it of a failure
	PointRecover        = "recover"         // before recBuf.mu, in RecoverFailedProducePartitions
	PointClear          = "clear"           // before recBuf.mu, in ClearPartition
	PointPauses         = "look at pause"   // before recBuf.mu: the application asks which pause it is
	PointAwaitBegin     = "await begin"     // whoever submits, until the transaction has begun
	PointResetSequences = "reset sequences" // before recBuf.mu, in resetAllProducerSequences
	PointResume         = "resume"          // before recBuf.mu, in Resume

	PointResumeProducing = "resume producing" // before a reaction of one's own releases the application's lock
)

// The points of a producer in transactions, besides those of producer.
const (
	PointBegin         = "begin"          // before the application begins its transaction
	PointThinks        = "thinks better"  // of the application: from a record that it does not wait for to EndTransaction
	PointAwaitMetadata = "await metadata" // before a batch that waits for a metadata update goes again
)
