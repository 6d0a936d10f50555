// Package sync has the API of Go's package sync, as far as the released code
// uses it. A copy of that code imports it instead.
//
// Mutex, RWMutex and Once are under control: whoever calls them parks, and goes
// on when it is chosen. The rest is Go's own: a WaitGroup and a Cond block in a
// way that the bubble knows of, and nothing is ever parked within a Pool or a
// Map.
package sync
