// Package fleet divides a command of simrun over many machines. Two commands stand
// beside simrun's own:
//
//	simrun serve-work [flags] COMMAND...   hands out the shards of COMMAND, and prints what it comes to
//	simrun work                            does shards, on any machine, as long as there are any
//
// What lies between them is NATS JetStream: a server within serve-work, or one's own.
//
//   - A shard that is to be done is a message in a stream with the retention of a work
//     queue. A worker pulls one, and says every third of a lease that it is still at it.
//     If it says nothing for a whole lease, another worker gets the shard.
//   - The result is a file in an object store, named after its content. A shard that
//     is done twice is the same file twice, since the same build does the same work.
//   - A worker confirms a shard after the server has its result. So a shard is in the
//     queue, or its result is in the store, or both. Serve-work puts a shard into the
//     queue again if neither is so: a server may lose what it had acknowledged.
//   - Stream and store are named after build, command and number of shards. A worker
//     of another build finds no work, and says why.
//
// This is a module of its own: the lab itself needs no network.
package fleet
