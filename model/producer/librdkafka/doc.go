// Package librdkafka models a librdkafka producer: one that consumes, processes and
// produces in transactions, and how one without them sends refused messages again.
package librdkafka
