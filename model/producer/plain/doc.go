// Package plain is a transactional producer by the protocol: what each client does
// that none does otherwise. It stands where a scenario is about the brokers.
//
// Modelled: producer id and epoch, sequence numbers, one record a request, retries
// on new connections, both versions of the protocol, offsets of a group. Driven by
// the scenario: what it writes, when it gives up. Not covered: batches, several
// requests in flight, timeouts of calls.
package plain
