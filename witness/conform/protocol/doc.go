// Package protocol asks a broker what docs/specification.md says about transactions,
// and compares. A sequence is a few requests of one or two transactional producers, each
// to the broker that Kafka's clients send it to; package specified says which answers
// are allowed, from which Kafka on.
//
// Modelled: see package specified. Driven: the sequences. Not covered: what one client
// after the other cannot reach, which is requests while a transition is pending, markers
// that come again, failover and leader changes; and requests that no client sends, as
// InitProducerId with half of a producer id. Of the 38 checks of the specification a
// broker that lacks one is noticed for 14: all that compare a producer id, and those that
// compare the epoch of a client's request.
//
//	simrun conform --broker localhost:9092
package protocol
