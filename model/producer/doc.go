// Package producer is the client side of producing: the producers of Sarama,
// franz-go and Java, and the applications that use them.
package producer
