package model

import "fmt"

// Submitted is that an application has handed a record to its client, which from
// then on owes it an outcome. Records are in the order of these.
type Submitted struct {
	Record    Record
	Partition Partition
	// Again says that it was handed over before, and failed.
	Again bool
}

func (s *Submitted) Name() string { return "produce" }
func (s *Submitted) String() string {
	if s.Again {
		return fmt.Sprintf("%d again", s.Record)
	}
	return fmt.Sprint(s.Record)
}

// Promised is that the client has called the function which came with a record.
//
// Source: the promise of kgo's Produce, the Callback of Java's.
type Promised struct {
	Record Record
	Failed string // what with, in the words of the client; empty: it is written
	// Unbuffered says that the client refused it before it was in any buffer.
	Unbuffered bool
}

func (p *Promised) Name() string { return "promise" }
func (p *Promised) String() string {
	if p.Failed == "" {
		return fmt.Sprintf("%d delivered", p.Record)
	}
	return fmt.Sprintf("%d %s", p.Record, p.Failed)
}

// Flush is a call that waits until each record handed over before has had its
// outcome.
type Flush struct{}

func (*Flush) Name() string   { return "flush" }
func (*Flush) String() string { return "" }

// CloseClient is a call that ends the client.
type CloseClient struct{}

func (*CloseClient) Name() string   { return "close" }
func (*CloseClient) String() string { return "" }
