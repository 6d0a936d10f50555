package rules

import (
	"go/ast"
	"go/parser"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Imports holds the packages of the main module to the table of who may import
// whom. It has nothing to say in other modules.
var Imports = &analysis.Analyzer{
	Name: "imports",
	Doc:  "hold the lab's packages to the table of who may import whom, in tools/rules/imports.go",
	Run:  imports,
}

// importRule says what a package may import besides the standard library. In a
// pattern, /... stands for the package and all below it, and /* for what lies
// directly below. No pattern reaches simtest: it must be named.
type importRule struct {
	of    string
	may   string
	tests string // in its _test.go files besides itself, simtest, sim/explore and rapid
}

const (
	simtest = "sim/simtest"
	rapid   = "pgregory.net/rapid"
)

// The first row that fits a package counts.
var importRules = []importRule{
	{of: "cmd/simrun", may: "simrun scenarios"},
	{of: "simrun", may: toSimrun + " github.com/KimMachineGun/automemlimit/memlimit golang.org/x/text/...", tests: "github.com/cockroachdb/datadriven github.com/google/jsonschema-go/jsonschema"},
	{of: "figures", may: "sweeps advise scenario sim/explore gonum.org/v1/... golang.org/x/image/font"},
	{of: "sweeps", may: "scenario scenarios/... model/... sim/... gonum.org/v1/gonum/..."},
	{of: "lab/exercise", may: "scenario scenarios/... properties model/... sim/..."},
	{of: "workshop/lessons/...", may: "sim"},
	{of: "workshop/...", may: "workshop lab/exercise"},
	{of: "advise", may: "sweeps scenario model/... sim/..."},
	{of: "web", may: "sim/view github.com/yuin/goldmark/...", tests: "lab/exercise scenario scenarios sim"},
	{of: "web/engine", may: "lab lab/exercise scenario scenarios sim/..."},
	{of: "lab", may: "scenario sim/...", tests: "scenarios"},
	{of: "scenarios", may: "scenario scenarios/...", tests: "model/... sim/... properties github.com/cockroachdb/datadriven"},
	{of: "scenarios/...", may: "scenario properties model/... sim sim/trace"},
	{of: "scenario", may: "sim/..."},
	{of: "properties", may: "sim sim/trace model github.com/anishathalye/porcupine", tests: "scenario scenarios/..."},
	{of: "model/app", may: "sim model model/producer model/group"},
	{of: "model/producer/*", may: "sim model model/config model/producer"},
	{of: "model/group/*", may: "sim model model/group"},
	{of: "model/*", may: "sim model"},
	{of: "model", may: "sim"},
	{of: "sim", may: "sim/internal/...", tests: "sim/trace"},
	{of: "sim/internal/...", may: "sim/internal/..."},
	{of: "sim/trace", may: "sim sim/internal/..."},
	{of: "sim/explore/...", may: "sim sim/internal/... sim/explore/...", tests: "sim/trace sim/view"},
	{of: "sim/view", may: "sim sim/trace sim/explore"},
	{of: simtest, may: "sim sim/trace sim/explore sim/view " + rapid},
	{of: "docs/...", may: ""},
}

const toSimrun = "advise figures sweeps lab scenario scenarios/... properties model/... sim/... " +
	"github.com/spf13/cobra github.com/spf13/pflag golang.org/x/term"

// apart lists the directories that are modules of their own.
var apart = []string{"examples/...", "fleet/...", "notebooks/...", "tools/...", "witness/..."}

// ofLab is the path of a package within the main module.
func ofLab(path string) (within string, ok bool) {
	within, ok = strings.CutPrefix(path, module+"/")
	return within, ok && !matchesAny(apart, within)
}

// matches says whether the pattern stands for the path.
func matches(pattern, path string) bool {
	if pattern == path {
		return true
	}
	if path == simtest {
		return false
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == below || strings.HasPrefix(path, below+"/")
	}
	above, ok := strings.CutSuffix(pattern, "/*")
	rest, below := strings.CutPrefix(path, above+"/")
	return ok && below && !strings.Contains(rest, "/")
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

func imports(pass *analysis.Pass) (any, error) {
	within, ok := ofLab(path(pass.Pkg))
	if !ok || strings.HasSuffix(within, ".test") { // That is the main package which go test writes.
		return nil, nil
	}
	at := slices.IndexFunc(importRules, func(r importRule) bool { return matches(r.of, within) })
	if at < 0 {
		pass.Reportf(pass.Files[0].Package, "package %s is in no row of importRules; say there what it may import", within)
		return nil, nil
	}
	rule := importRules[at]
	for _, f := range withIgnored(pass) {
		may, who := strings.Fields(rule.may), within
		if isTest(pass, f) {
			may, who = append(strings.Fields(rule.may+" "+rule.tests), simtest, "sim/explore", rapid, within), "a test of "+within
		}
		for _, spec := range f.Imports {
			name := imported(spec)
			first, _, _ := strings.Cut(name, "/")
			if name == "C" || (first == module || strings.Contains(first, ".")) && !matchesAny(may, strings.TrimPrefix(name, module+"/")) {
				pass.Reportf(spec.Pos(), "%s imports %s; want none but %s", who, name, orNone(may))
			}
		}
	}
	return nil, nil
}

// withIgnored lists the files of a package, and with their imports only those
// that a build constraint keeps out of it here.
func withIgnored(pass *analysis.Pass) []*ast.File {
	files := slices.Clone(pass.Files)
	for _, name := range pass.IgnoredFiles {
		if strings.HasSuffix(name, ".go") {
			if f, err := parser.ParseFile(pass.Fset, name, nil, parser.ImportsOnly); err == nil {
				files = append(files, f)
			}
		}
	}
	return files
}

func imported(spec *ast.ImportSpec) string {
	name, _ := strconv.Unquote(spec.Path.Value) // The parser has seen to it.
	return name
}

func orNone(patterns []string) string {
	if len(patterns) == 0 {
		return "the standard library"
	}
	return strings.Join(patterns, ", ")
}
