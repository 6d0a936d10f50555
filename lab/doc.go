// Package lab is a run in which a person is the scheduler: choose, take back, ask
// whether it can still break, and why it broke. The terminal (simrun play) and the
// page stand on it. It does no input or output.
package lab
