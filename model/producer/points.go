package producer

// Points of the transactional clients: each wait for a response, and the backoff
// upon a refusal. A client has more of its own.
const (
	PointAwaitID     = "await id"      // before a response to InitProducerId is taken
	PointAwaitAdd    = "await add"     // before one to AddPartitionsToTxn is
	PointAwaitAppend = "await produce" // before one to Produce is
	PointAwaitEnd    = "await end"     // before one to EndTxn is
	PointTimeout     = "time out"      // of an answer that does not come
	PointBackoff     = "back off"      // a coordinator's refusal: time.Sleep or time.After until the next try
)
