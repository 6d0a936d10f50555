package model

import "fmt"

// Processed is what an application tells: it has done all that a message asks
// for.
type Processed struct {
	Partition Partition
	Offset    Offset
}

func (p *Processed) Name() string   { return "process" }
func (p *Processed) String() string { return fmt.Sprintf("%v %d", p.Partition, p.Offset) }

// Committed is what an application gets to see of its commit.
//
// Source: Consumer.commitSync, which returns or throws.
type Committed struct{ Error Error }

func (c *Committed) Name() string   { return "commit" }
func (c *Committed) String() string { return c.Error.String() }

// Closed is what a consumer tells when its Close has returned.
type Closed struct{}

func (c *Closed) Name() string   { return "close" }
func (c *Closed) String() string { return "" }
