module racelab/witness

go 1.26.0

// No client of Kafka: minimal version selection would raise a user's to it. What is
// tested with clients stands in module racelab/witness/conform.

replace racelab => ../

require (
	github.com/gofrs/flock v0.13.0 // one build at a time writes to the cache
	github.com/spf13/pflag v1.0.9
	golang.org/x/mod v0.42.0
	racelab v0.0.0-00010101000000-000000000000
)

require golang.org/x/tools v0.52.0

require (
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
