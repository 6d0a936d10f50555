// Package model holds the words that clients and brokers share, under Kafka's
// names: ids, error codes, and the requests and responses on the wire.
//
// A request or response is a sim.Message without knowing it: plain data with a
// Name and a String, which never changes once it is sent.
package model
