// Package group models the members of consumer groups, by the classic protocol
// and by KIP-848. How Sarama and kgo commit offsets stands below it, a package
// each.
package group
