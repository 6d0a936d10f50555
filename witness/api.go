package witness

import (
	"net"

	"racelab/witness/rt"

	rtnet "racelab/witness/rt/net"
)

// Calm runs f by the default schedule, in which the goroutine that runs goes on as
// long as it can: the start of a client, say, is then no part of the search.
func Calm(f func()) { rt.Calm(f) }

// Connect returns the two ends of a connection in memory. Writes go to a buffer, as
// they do over TCP. Outside a run it is net.Pipe.
func Connect() (net.Conn, net.Conn) { return rtnet.Connect() }
