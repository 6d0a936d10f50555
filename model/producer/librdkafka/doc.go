// Package librdkafka models a librdkafka producer that consumes, processes and
// produces in transactions.
package librdkafka
