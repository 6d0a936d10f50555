// Package kgo models what franz-go writes with: the buffer of a partition, the
// sink, the promises, and the calls of a transaction.
//
// A function keeps the client's name and its order of statements. What the
// original keeps in local variables across a point stands in fields.
package kgo
