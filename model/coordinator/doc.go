// Package coordinator models the broker's side of the protocols that need a
// coordinator. Each coordinator is a node: a step function that takes one
// request and answers it.
package coordinator
