// Package protocol asks a broker what docs/specification.md says about transactions,
// and compares. A sequence is a few requests of one or two transactional producers, each
// to the broker that Kafka's clients send it to; package specified says which answers
// are allowed, from which Kafka on.
//
// Modelled: see package specified. Driven: the sequences. Not covered: what one client
// after the other cannot reach, which is requests while a write to the log is under way,
// failover and leader changes. A broker that leaves one out is noticed for 32 of the 54 checks
// of the newest release, for some only if it takes its time with markers.
// TestEachCheckIsNoticed lists the others, with the reason why no client can see it: mostly
// that another check says the same.
//
//	simrun conform --broker localhost:9092
package protocol
