// Package released runs experiments on the client library as it was released.
//
// Its test binary is the driver: the command builds it once for each release,
// against a copy of that release, and asks it in a process of its own. A test
// binary because a bubble of testing/synctest belongs to a test.
package released
