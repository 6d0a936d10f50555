// Package kafkago models how a Reader of kafka-go leaves its group.
package kafkago
