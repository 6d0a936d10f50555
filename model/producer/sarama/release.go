package sarama

// Release is a release of Sarama, for what it does about throttles and about
// transactions.
type Release uint8

const (
	// Release1_40_1 ignores what a broker says about throttling.
	//
	// Source: sarama before 1.41.0.
	Release1_40_1 Release = iota
	// Release1_43_0 shares the throttle's timer, with nothing around it.
	//
	// Source: sarama 1.41.0 to 1.43.0.
	Release1_43_0
	// Release1_43_1 holds a lock around all of that, the wait included.
	// CONCURRENT_TRANSACTIONS on InitProducerId is fatal, and AbortTxn of a
	// transaction without a partition asks for no new epoch although it goes to
	// Initializing for one.
	//
	// Source: sarama pull request 2826, for the lock.
	Release1_43_1
	// Release1_48_0 mutes a partition while it retries, does not back off before
	// it sends a batch again, and closes the socket before it waits for the response
	// reader; else as 1.43.1.
	//
	// Source: sarama 1.48.0 to 1.48.2, asyncProducer.retryBatch; Broker.closeLocked.
	Release1_48_0
	// Release1_49_0 backs off before it sends any batch again; else as 1.43.1.
	//
	// Source: sarama 1.49.0 to 1.61.0, asyncProducer.retryBatch.
	Release1_49_0
	// Release1_61_1 has both repaired that was wrong about transactions.
	Release1_61_1
)
