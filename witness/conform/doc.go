// Package conform holds models against releases at settings that nobody has looked
// at: both run the same application against the same fake cluster, and every call's
// outcome, every count and every virtual time must be equal.
//
// Its tests draw the settings. They run against the release that go.mod names; the
// test of this module builds them anew for others:
//
//	go -C witness/conform test .               # the releases that CI runs
//	go -C witness/conform test . -releases all -rapid.checks=2000
//
// Driven: the transactional producers of Sarama and franz-go (TV1 and TV2), an abort
// or a commit while a record is on its way included, and a coordinator that leaves requests
// unanswered, whether it has heard of them or not; the offset commits of Sarama's
// goroutines, of which some may be refused, or are never answered, so that from 1.48.0 on several look the
// coordinator up at once; those of one goroutine whose
// coordinator moves to another broker, which look-ups tell at once or later; those of
// franz-go and its autocommits, of up to three partitions, of which some or single partitions
// are refused, also because the coordinator moves likewise, that lose their connection or are never answered, as are look-ups of the
// coordinator from 1.21.0 on, whose context ends before or while they are on
// their way, or whose RetryTimeout is over; its commits while its group rebalances, eagerly or
// cooperatively, or gives the member up, with the joins, heartbeats and look-ups of offsets
// around them, from 1.19.0 on; its commits while the epoch of a KIP-848 group rises, from 1.21.0 on;
// commits, heartbeats and joins of Sarama's cooperative rebalance; a connection of
// Sarama whose broker throttles it; Sarama's asynchronous producer whose leader refuses a
// batch for a while, or moves to another broker, and back; Sarama's idempotent producer, whose
// requests meet faults, lost connections among them, against no model; franz-go's producer,
// idempotent or not, whose leader refuses a batch, moves to another broker and back, and loses up to two
// connections; and the configuration checks of both clients.
// Where what happens at one instant has no order, the model is asked whether it has the
// release's story among its own.
//
// The fake cluster answers at once, but for commits and batches; a window takes the time
// that is set.
//
// A release is built with the locks of package locks, because a wait for sync's would
// stop the virtual clock. All else of it is as released.
package conform
