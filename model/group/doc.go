// Package group models the client's side of consumer groups: offset managers
// and, later, members.
//
// A client's function keeps its name and its order of statements. What the
// original keeps in local variables across a point stands in the goroutine's
// frame, a struct that embeds the shared client; so a receiver here is the
// frame, where the original has the client.
package group
