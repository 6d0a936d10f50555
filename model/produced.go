package model

import "fmt"

// Produced is what an application gets to hear of a message: that it is
// delivered, or that it is not.
type Produced struct {
	Record       Record
	NotConnected bool // it was never sent
}

func (p *Produced) Name() string { return "produce" }
func (p *Produced) String() string {
	if p.NotConnected {
		return fmt.Sprintf("%d not connected", p.Record)
	}
	return fmt.Sprintf("%d delivered", p.Record)
}

// Accepted is that a producer has taken a message, for which its application
// may have waited: there is room for so many.
type Accepted struct{ Record Record }

func (a *Accepted) Name() string   { return "accept" }
func (a *Accepted) String() string { return fmt.Sprint(a.Record) }

// ThrottleWait is what a client logs: that a send begins to wait because the
// broker said so, and that this wait is over.
type ThrottleWait struct{}

func (*ThrottleWait) Name() string   { return "throttle wait" }
func (*ThrottleWait) String() string { return "" }

// CloseConnection is a call that closes the connection to a broker.
type CloseConnection struct{}

func (*CloseConnection) Name() string   { return "close" }
func (*CloseConnection) String() string { return "" }
