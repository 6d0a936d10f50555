package group

import (
	"time"

	"racelab/sim"
)

// ReadDeadline is a connection of a client with its reader, who closes it when a response
// takes too long. All that is out on it then has none.
//
// Source: brokerCxn.readConn of franz-go, with RequestTimeoutOverhead; Broker.readFull of
// Sarama, with Net.ReadTimeout: the deadline is set as the reader begins to wait for a
// response, once the one before is there.
type ReadDeadline struct {
	Conn  *sim.Conn
	after time.Duration `sim:"config"`
	timer sim.Timer
	out   sim.Atomic[int32] // requests
}

// NewReadDeadline returns it. With 0, a response takes as long as it does, and there is no
// reader to run.
func NewReadDeadline(conn *sim.Conn, after time.Duration) *ReadDeadline {
	return &ReadDeadline{Conn: conn, after: after}
}

func (d *ReadDeadline) Run(t *sim.Task) {
	for {
		d.timer.Receive(t.At(PointReadDeadline))
		d.Conn.Close(t)
	}
}

// Wrote is that a request was written.
func (d *ReadDeadline) Wrote(t *sim.Task) {
	if d.after > 0 && d.out.Add(t, 1) == 1 {
		d.timer.Start(t, d.after)
	}
}

// Read is that the oldest request has its response, or will not have one.
func (d *ReadDeadline) Read(t *sim.Task) {
	switch {
	case d.after == 0:
	case d.out.Add(t, -1) > 0:
		d.timer.Start(t, d.after)
	default:
		d.timer.Stop(t)
	}
}

// Describe shows nothing: a connection shows itself.
func (d *ReadDeadline) Describe(func(name, value string)) {}
