// Package net is net.Pipe for code under control, and listeners and connections of this
// host, in memory.
package net

import (
	"net"

	"racelab/witness/rt"
)

// Pipe is net.Pipe: a write waits until all of it has been read.
func Pipe() (net.Conn, net.Conn) {
	if !rt.InRun() {
		return net.Pipe()
	}
	a, b := connect(false)
	return a, b
}

// Connect is a connection with a buffer, as TCP has one: a write does not wait.
// Outside a run it is net.Pipe.
func Connect() (net.Conn, net.Conn) {
	if !rt.InRun() {
		return net.Pipe()
	}
	a, b := connect(true)
	return a, b
}

func connect(buffered bool) (*end, *end) {
	there, back := &way{buffered: buffered}, &way{buffered: buffered}
	a := &end{in: back, out: there, local: address{}, remote: address{}}
	b := &end{in: there, out: back, local: address{}, remote: address{}}
	return a, b
}
