package saramaasync

// Points of the producer. Each stands where a goroutine waits for another one: at a
// channel, in a select, or for the broker.
const (
	PointProduce       = "produce"         // the application has a message
	PointInput         = "input"           // it sends it to Input
	PointClose         = "close"           // shutdown: it waits for what is in flight
	PointDispatch      = "dispatch"        // partitionProducer takes its next message
	PointHandOn        = "hand on"         // it sends to the brokerProducer
	PointFin           = "send fin"        // newHighWatermark sends the chaser
	PointSyn           = "send syn"        // updateLeader sends the syn
	PointFlush         = "flush retries"   // flushRetryBuffers sends what was buffered
	PointRun           = "run"             // brokerProducer's select
	PointEnding        = "shut down"       // a brokerProducer whose input is closed takes its answer
	PointSpace         = "wait for space"  // waitForSpace, up to 1.61.0
	PointNewSet        = "new set"         // newProduceSet reads the producer's epoch, up to 1.61.0
	PointOutOfSequence = "out of sequence" // the set refuses a message, whose error begins an epoch, up to 1.61.0
	PointBridge        = "bridge"          // the bridge takes a set
	PointWrite         = "write"           // it writes the request, and waits for room
	PointSlot          = "take slot"       // it waits for a slot, since 1.61.1
	PointPromise       = "next promise"    // the response reader takes the next one
	PointResponse      = "read response"   // and reads its response
	PointRetries       = "take retry"      // retryHandler takes a message
	PointAgain         = "input again"     // and sends it to Input
	PointResend        = "retry batch"     // retryBatch begins
	PointHandOver      = "hand over"       // and sends the set to the bridge
	PointRetry         = "to retries"      // retryMessage sends to retries, where there is room
	PointGo            = "go retry"        // go retryBatch
	PointUnmute        = "unmute"          // unmute
	PointFreeSlot      = "free slot"       // the reader frees a slot, since 1.61.1
	PointPending       = "to pending"      // the callback sends to pending, where there is room
	PointAsyncProduce  = "async produce"   // AsyncProduce takes Broker.lock
	PointLeastLoaded   = "least loaded"    // LeastLoadedBroker takes it, to refresh metadata
	PointRefresh       = "refresh"         // RefreshMetadata begins, or waits for who does it already
	PointMetadata      = "metadata"        // the answer comes
	PointOpen          = "open"            // client.Leader connects anew
	PointErrors        = "return error"    // a message is sent to Errors, which nobody reads
)
