package sarama

import "racelab/sim"

// The points of a goroutine that sends, in their order.
const (
	PointAsyncProduce  sim.Point = "async produce"  // before broker.lock, in AsyncProduce
	PointCheckThrottle sim.Point = "check throttle" // in waitIfThrottled: before it looks whether there is a throttle
	PointLoadChannel   sim.Point = "load channel"   // before it reads throttleTimer again, for its channel
	PointReceive       sim.Point = "receive"        // awaiting the throttle timer
	PointSetNil        sim.Point = "set nil"        // between the receive and forgetting the timer
	PointAwaitThrottle sim.Point = "await throttle" // awaiting a timer of its own, or a notification
	PointSlot          sim.Point = "take slot"      // awaiting a slot for a request, since 1.61.1
	PointWrite         sim.Point = "write"          // before the socket
	PointPromise       sim.Point = "promise"        // awaiting room in b.responses
)

// The points of the response reader, in their order.
const (
	PointNextPromise  sim.Point = "next promise"  // awaiting one in b.responses
	PointReadResponse sim.Point = "read response" // awaiting the response
	PointFreeSlot     sim.Point = "free slot"     // since 1.61.1
	PointThrottleLock sim.Point = "throttle lock" // before the lock of the throttle, in setThrottle
	PointNilCheck     sim.Point = "nil check"     // before it looks whether there is a throttle already
	PointStop         sim.Point = "stop"          // before it reads throttleTimer again, and stops the timer
	PointDrain        sim.Point = "drain"         // before it reads throttleTimer again, for its channel
	PointDrained      sim.Point = "drained"       // awaiting the timer that Stop did not stop
	PointInstall      sim.Point = "install"       // before it makes the new timer
	PointDeadline     sim.Point = "set deadline"  // before it makes the deadline a later one
	PointNotify       sim.Point = "notify"        // before it wakes whoever waits
	PointCallback     sim.Point = "callback"      // before the callback of the request
)

// The points of Close.
const (
	PointCallClose      sim.Point = "call close"      // before Close is called, beside those who send
	PointCancelThrottle sim.Point = "cancel throttle" // before the lock of the throttle
	PointClose          sim.Point = "close"           // before broker.lock
	PointAwaitDone      sim.Point = "await done"      // awaiting the end of the response reader
)

// The points of the asynchronous producer and of its application.
const (
	PointProduce   sim.Point = "produce"     // before the message goes into Input
	PointPause     sim.Point = "pause"       // awaiting the time of the next messages
	PointDispatch  sim.Point = "dispatch"    // brokerProducer.run: awaiting any of its channels
	PointSpace     sim.Point = "await space" // brokerProducer.waitForSpace, brokerProducer.shutdown: awaiting the bridge, or a response
	PointResponses sim.Point = "responses"   // brokerProducer.shutdown: awaiting the last responses
	PointBridge    sim.Point = "bridge"      // awaiting a set of messages to send
	PointInFlight  sim.Point = "in flight"   // awaiting the requests in flight, before it ends
	PointShutDown  sim.Point = "shut down"   // Close: awaiting the end of brokerProducer
)

// The points of a producer in transactions, besides those of producer.
const (
	PointProducerBackoff sim.Point = "producer back off" // asyncProducer.backoff before a batch goes again
)
