// Package java models the transactions of Kafka's own producer.
package java
