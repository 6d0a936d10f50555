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
	// Release1_60_1 backs off before it sends a batch again that the partition's
	// leader refused; else as 1.43.1.
	//
	// Source: sarama pull request 2469.
	Release1_60_1
	// Release1_61_1 has both repaired that was wrong about transactions.
	Release1_61_1
)
