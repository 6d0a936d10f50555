package rules

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
)

// Goal: each rule fires where it should, and nowhere else. Method: each line of
// testdata says what is wrong with it.
func TestRules(t *testing.T) {
	for _, test := range []struct {
		rule     *analysis.Analyzer
		packages []string
	}{
		{Imports, []string{"racelab/attic", "racelab/sim", "racelab/sweeps", "racelab/scenarios/...", "racelab/model/...", "quiet"}},
		{Liveness, []string{"racelab/sim", "helpers", "liveness"}},
		{Message, []string{"message"}},
		{RawGo, []string{"racelab/sim", "racelab/sim/explore", "racelab/sim/view", "racelab/sim/simtest", "racelab/figures", "rawgo", "quiet", "command"}},
		{SharedField, []string{"sharedfield"}},
		{SharedVar, []string{"sharedvar"}},
	} {
		t.Run(test.rule.Name, func(t *testing.T) {
			analysistest.Run(findings{t}, analysistest.TestData(), test.rule, test.packages...)
		})
	}
}

// findings is a test of what is found. What packages tell each other shows in
// that.
type findings struct{ *testing.T }

func (f findings) Errorf(format string, args ...any) {
	if !strings.Contains(fmt.Sprintf(format, args...), "unexpected fact") {
		f.T.Errorf(format, args...)
	}
}
