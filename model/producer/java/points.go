package java

import "racelab/sim"

// PointSenderBackoff is the time.sleep in
// Sender.maybeSendAndPollTransactionalRequest.
const PointSenderBackoff sim.Point = "sender back off"
