// Package app models applications that stand above a client: who writes in
// transactions, who reads what became of them, and what services have beside a
// client: a local database and a topic.
//
// # The topic of the patterns
//
// The patterns between services (outbox, inbox, saga and the like) run over Topic and
// not over racelab/model/broker. Topic models what an application relies on when it is
// told that a message is published: the message is in a log of one partition, in the
// order of arrival, for good; a group reads from its committed offset.
//
// It is small because these races lie in the application, between its database and its
// sends, and not in the client. A producer, a group and a coordinator beside each
// service would multiply the states, and the patterns are searched in all states.
// What a client adds has scenarios of its own: retry-order and error-then-delivered
// for producers, rebalance-commit and stale-member-commit for groups,
// consume-process-produce for Kafka's transactions.
//
// Differs: no replicas, so no leader moves and nothing acknowledged is lost. No batches,
// retries or several requests in flight: a service sends one message and awaits the
// answer, or does not. No sequence numbers: see Topic. No sessions and rebalances: two
// instances that poll get the same message, and an offset that goes back is left out.
// No transactions: half-message models its own in racelab/scenarios/patterns.
package app
