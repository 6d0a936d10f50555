package scenarios_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"racelab/scenarios"
	"racelab/sim/view"
)

// TestMermaid draws the default run of a scenario. Rewrite it with
// `go test ./scenarios -rewrite`, and let Mermaid draw the difference.
func TestMermaid(t *testing.T) {
	datadriven.Walk(t, "testdata/mermaid", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "mermaid" {
				d.Fatalf(t, "there is no command %q; there is mermaid", d.Cmd)
			}
			s, err := scenarios.Find(d.CmdArgs[0].Key)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			variant, values := s.Variants[0], s.Defaults()
			report, err := s.Play(variant, values, s.Default(variant, values))
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			report.Repeat = s.Command("run", variant, values)
			var b strings.Builder
			if err := view.Mermaid(&b, report); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return b.String()
		})
	})
}
