package producer

import "racelab/sim"

// Points of the transactional clients: each wait for a response, and the backoff
// upon a refusal. A client has more of its own.
const (
	PointAwaitID     sim.Point = "await id"      // before a response to InitProducerId is taken
	PointAwaitAdd    sim.Point = "await add"     // before one to AddPartitionsToTxn is
	PointAwaitAppend sim.Point = "await produce" // before one to Produce is
	PointAwaitEnd    sim.Point = "await end"     // before one to EndTxn is
	PointBackoff     sim.Point = "back off"      // a coordinator's refusal: time.Sleep or time.After until the next try
)
