// Package bubble runs goroutines of ordinary Go code one step at a time, in a
// bubble of testing/synctest, and lets a search choose whose step is next.
//
// Code gives control away by Park, which the locks of racelab/witness/sync and
// the connections of racelab/witness/kafka call. When all goroutines of the
// bubble are parked or blocked, the run lists those that can go on; System hands
// the list to the searches of racelab/sim/explore. While nobody can go on,
// virtual time passes.
//
// What is found of itself, in every run: a deadlock, named as those of models
// are; a run that does not go on for an hour of virtual time; a panic.
//
// A System can neither save a state nor have several runs side by side: the
// state is that of the process, and locks have no room to say whose they are.
// Two of its states are never called the same, and two steps always depend on
// each other, since nobody sees what released code touches. So the samplers are
// what it is for; States and Exhaustive go through every schedule, which the
// smallest programs allow.
package bubble
