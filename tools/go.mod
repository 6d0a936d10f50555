// The checkers of the code, in a module of their own, so that the lab does not
// depend on them. From the root of the repository:
//
//	"$(go -C tools tool -n lint)" ./...
module racelab/tools

go 1.26.0

tool (
	racelab/tools/lint
	racelab/tools/racevet
)

require (
	golang.org/x/tools v0.52.0 // go vet, and the framework of analyses that staticcheck is made of too
	honnef.co/go/tools v0.8.2 // staticcheck: unused code, misused APIs, conditions that cannot hold
)

require (
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect; staticcheck reads staticcheck.conf with it
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect; what staticcheck knows of type parameters
	golang.org/x/mod v0.42.0 // indirect; golang.org/x/tools compares versions of modules and of Go with it
	golang.org/x/sync v0.24.0 // indirect; golang.org/x/tools loads packages in parallel with it
)

require github.com/chromedp/chromedp v0.23.0

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
)
