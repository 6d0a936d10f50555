// Package sarama models what Sarama writes with: the connection to a broker with
// its throttle, the asynchronous producer, and the transactionManager.
//
// A function keeps the client's name and its order of statements. What the
// original keeps in local variables across a point stands in fields.
package sarama
