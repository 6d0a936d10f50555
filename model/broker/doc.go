// Package broker models what a broker does with the partitions that it leads:
// the log and its rules for idempotent and transactional producers, the
// requests that write and read it, and the quotas that slow clients down.
package broker
