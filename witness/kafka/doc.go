// Package kafka is a Kafka of one broker in memory, as far as a client needs
// one that commits offsets: real requests and responses over connections that
// are no sockets.
package kafka
