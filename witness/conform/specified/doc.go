// Package specified says what Kafka's releases answer to a sequence of requests of
// transactional producers, by model/coordinator and model/broker.
//
// Modelled: the coordinator and a partition's leader. Where Kafka leaves a choice the
// answers are a set: markers are written when the next request comes, or not yet. Driven:
// the requests, by the sequence. Not covered: failover, timeouts, several requests under
// way.
package specified
