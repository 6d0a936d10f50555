// Package protocol asks a broker what docs/specification.md says about transactions,
// and compares. A sequence is a few requests of one or two transactional producers, each
// to the broker that Kafka's clients send it to; package specified says which answers
// are allowed, from which Kafka on.
//
//	simrun conform --broker localhost:9092
package protocol
