// Package producer models the clients that write: the producers of Sarama,
// franz-go and Java, Sarama's connection to a broker with its throttle, and the
// applications that use them.
package producer
