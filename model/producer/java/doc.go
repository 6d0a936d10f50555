// Package java models Kafka's own producer: its transactions, and how it sends a refused
// batch again.
package java
