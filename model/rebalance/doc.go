// Package rebalance is what stands between poll and commit: applications as people
// write them, over the group clients of franz-go, Sarama and kafka-go, while a
// rebalance, a crash, a cut or Close comes.
//
// A [System] is a group of two: its coordinator, two clients by their own rules, an
// application in each, and a log of two partitions. What a client's rules are about:
// when it tells the application that partitions are revoked or lost, what it commits
// then and when it leaves, what autocommit takes, and which generation a commit
// carries.
//
// In a timed world it gives what was measured ([Measured]), which its tests hold. In an
// untimed one everything may come at any moment, and a search visits it all.
//
// Start at system.go. franzgo.go, sarama.go and kafkago.go are to be read beside the
// client.
package rebalance
