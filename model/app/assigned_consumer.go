package app

import (
	"time"

	"racelab/model"
	"racelab/sim"
)

// AssignedConsumer is a read_committed consumer without a group: it fetches each
// of its partitions from the start, a number of times.
//
// Source: KafkaConsumer.assign, isolation.level.
type AssignedConsumer struct {
	leaders   []*sim.Conn   // by partition
	fetches   int           `sim:"config"`
	interval  time.Duration `sim:"config"`
	wait      sim.Timer
	fetch     int
	partition int
}

// NewAssignedConsumer returns a consumer with its connections to the partitions'
// leaders. With an interval it waits so long before each round.
func NewAssignedConsumer(fetches int, interval time.Duration, leaders ...*sim.Conn) *AssignedConsumer {
	return &AssignedConsumer{leaders: leaders, fetches: fetches, interval: interval}
}

func (c *AssignedConsumer) Run(t *sim.Task) {
	if c.interval > 0 {
		t.Step(PointStart)
	}
	for c.fetch = 0; c.fetch < c.fetches; c.fetch++ {
		if c.interval > 0 {
			c.wait.Sleep(t.At(PointPoll), c.interval)
		}
		for c.partition = 0; c.partition < len(c.leaders); c.partition++ {
			t.Step(PointFetch)
			c.leaders[c.partition].Send(t, &model.FetchRequest{Partition: model.Partition(c.partition), IsolationLevel: model.ReadCommitted})
			c.leaders[c.partition].Receive(t.At(PointAwaitFetch))
		}
		c.partition = 0
	}
}
