// Racevet holds models, and whoever imports package sim, to the rules that a
// search relies on. From the root of a module that does so:
//
//	go vet -vettool="$(go -C PATH/TO/racelab/tools tool -n racevet)" ./...
//
// Its exit code is that of go vet: 1 if it finds something.
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"racelab/tools/rules"
)

func main() { unitchecker.Main(rules.All...) }
