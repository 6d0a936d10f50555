package java

// PointSenderBackoff is the time.sleep in
// Sender.maybeSendAndPollTransactionalRequest.
const PointSenderBackoff = "sender back off"
