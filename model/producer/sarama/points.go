package sarama

// The points of a goroutine that sends, in their order.
const (
	PointAsyncProduce  = "async produce"  // before broker.lock, in AsyncProduce
	PointCheckThrottle = "check throttle" // in waitIfThrottled: before it looks whether there is a throttle
	PointLoadChannel   = "load channel"   // before it reads throttleTimer again, for its channel
	PointReceive       = "receive"        // awaiting the throttle timer
	PointSetNil        = "set nil"        // between the receive and forgetting the timer
	PointAwaitThrottle = "await throttle" // awaiting a timer of its own, or a notification
	PointSlot          = "take slot"      // awaiting a slot for a request, since 1.61.1
	PointWrite         = "write"          // before the socket
	PointPromise       = "promise"        // awaiting room in b.responses
)

// The points of the response reader, in their order.
const (
	PointNextPromise  = "next promise"  // awaiting one in b.responses
	PointReadResponse = "read response" // awaiting the response
	PointFreeSlot     = "free slot"     // since 1.61.1
	PointThrottleLock = "throttle lock" // before the lock of the throttle, in setThrottle
	PointNilCheck     = "nil check"     // before it looks whether there is a throttle already
	PointStop         = "stop"          // before it reads throttleTimer again, and stops the timer
	PointDrain        = "drain"         // before it reads throttleTimer again, for its channel
	PointDrained      = "drained"       // awaiting the timer that Stop did not stop
	PointInstall      = "install"       // before it makes the new timer
	PointDeadline     = "set deadline"  // before it makes the deadline a later one
	PointNotify       = "notify"        // before it wakes whoever waits
	PointCallback     = "callback"      // before the callback of the request
)

// The points of Close.
const (
	PointCallClose      = "call close"      // before Close is called, beside those who send
	PointCancelThrottle = "cancel throttle" // before the lock of the throttle
	PointClose          = "close"           // before broker.lock
	PointAwaitDone      = "await done"      // awaiting the end of the response reader
	PointLockAgain      = "lock again"      // before broker.lock, after the reader's end (AwaitUnlocked)
	PointHanded         = "handed over"     // of a goroutine to which a callback hands its work
	PointReadDeadline   = "read deadline"   // the read that is under way times out
)

// The points of the asynchronous producer and of its application.
const (
	PointProduce   = "produce"     // before the message goes into Input
	PointPause     = "pause"       // awaiting the time of the next messages
	PointDispatch  = "dispatch"    // brokerProducer.run: awaiting any of its channels
	PointSpace     = "await space" // brokerProducer.waitForSpace, brokerProducer.shutdown: awaiting the bridge, or a response
	PointResponses = "responses"   // brokerProducer.shutdown: awaiting the last responses
	PointBridge    = "bridge"      // awaiting a set of messages to send
	PointInFlight  = "in flight"   // awaiting the requests in flight, before it ends
	PointShutDown  = "shut down"   // Close: awaiting the end of brokerProducer
)

// The points of a producer in transactions, besides those of producer.
const (
	PointProducerBackoff = "producer back off" // asyncProducer.backoff before a batch goes again
	PointThinks          = "thinks better"     // of the application: from a record that it does not wait for to AbortTxn
)
