module racelab/witness/kafka

go 1.26.0

replace (
	racelab => ../..
	racelab/witness => ..
)

// A module of its own: minimal version selection raises the franz-go of whoever requires it,
// to the one that this kfake needs.
require (
	github.com/twmb/franz-go v1.22.2
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c // a broker in memory, by the author of franz-go
	github.com/twmb/franz-go/pkg/kmsg v1.15.0
	racelab/witness v0.0.0
)

require racelab v0.0.0-00010101000000-000000000000

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
)
