// Package broker models what a broker does with the partitions that it leads:
// the log and its rules for idempotent and transactional producers, and the
// requests that write and read it.
package broker
