// Package sarama models how Sarama commits offsets: its offset manager, the
// connection to the coordinator below it, and the goroutines of a consumer.
//
// A client's function keeps its name and its order of statements. What the
// original keeps in local variables across a point stands in the goroutine's
// frame, a struct that embeds the shared client; so a receiver here is the
// frame, where the original has the client.
package sarama
