// Package properties holds the claims: oracles that watch what participants
// do, and the tests that state every claim of the lab.
//
// An oracle sees messages, calls and returns, never a private field of a model.
package properties
