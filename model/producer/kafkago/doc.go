// Package kafkago models how a Writer of kafka-go writes messages, and what it says of
// them.
package kafkago
