// Package saramaasync models Sarama's asynchronous producer when a broker refuses a batch
// for a while: levels of retries, batches that are sent again, and muted partitions.
package saramaasync
