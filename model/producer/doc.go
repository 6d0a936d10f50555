// Package producer models the clients that write: Sarama's connection to a
// broker, with its throttle, and its asynchronous producer.
package producer
