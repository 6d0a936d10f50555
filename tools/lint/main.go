// Lint looks at Go code with everything that the project holds it to: go vet, staticcheck
// and the rules of models. From the root of a module of the repository:
//
//	"$(go -C PATH/TO/racelab/tools tool -n lint)" ./...
//
// They are one program because each alone loads and type-checks all packages, and looks at
// all that those import. Its exit code is 1 if it finds something.
package main

import (
	"os"

	"golang.org/x/tools/go/analysis/suite/vet"
	"honnef.co/go/tools/lintcmd"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
	"honnef.co/go/tools/unused"

	"racelab/tools/rules"
)

func main() {
	cmd := lintcmd.NewCommand("lint")
	cmd.ParseFlags(os.Args[1:])
	cmd.AddAnalyzers(simple.Analyzers...)
	cmd.AddAnalyzers(staticcheck.Analyzers...)
	cmd.AddAnalyzers(stylecheck.Analyzers...)
	cmd.AddAnalyzers(unused.Analyzer)
	cmd.AddBareAnalyzers(vet.Suite...)
	cmd.AddBareAnalyzers(rules.All...)
	cmd.Run()
}
