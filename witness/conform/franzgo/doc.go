// Package franzgo holds the model of produce-reorder against franz-go as it was
// released: its test runs the client against a broker in memory, and expects the
// rows of producereorder.Measured, as the model's own test does.
//
// The order of events is forced, not waited for. Promises run in one goroutine,
// and the first of them blocks; a request that is held up lets the records after
// it gather in one batch; a logger hears of the purge while the client is at it.
// Nothing is copied and nothing is changed, so unlike what witness/experiments runs,
// this is no search: what Go's scheduler does in between is left to it.
package franzgo
