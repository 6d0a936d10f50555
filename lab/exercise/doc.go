// Package exercise grades what a learner writes.
//
// An Exercise has a hole: the body of one Go function, in a subset of Go that the
// exercise names. A text that fits is compiled to a program of small steps, put
// into worlds, and searched in all states. The verdict is a proof with a price,
// or the shortest schedule that breaks something, or one line that says what
// cannot be read. The same text gets the same verdict, on any machine.
//
// Nothing here reads a file, a clock or the network, so a page in a browser grades
// as a test does.
package exercise
