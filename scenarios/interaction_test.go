package scenarios_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"racelab/scenarios"
	"racelab/sim/explore"
	"racelab/sim/view"
)

// TestInteraction plays the golden conversations: each is a story, the orders
// that lead into it, and the picture of what happened. Rewrite them with
// `go test ./scenarios -rewrite`, and read the difference.
func TestInteraction(t *testing.T) {
	datadriven.Walk(t, "testdata/interaction", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "run" {
				d.Fatalf(t, "there is no command %q; there is run", d.Cmd)
			}
			s, err := scenarios.Find(d.CmdArgs[0].Key)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			var name string
			d.ScanArgs(t, "variant", &name)
			variant, err := s.FindVariant(name)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			orders, err := explore.ParseOrders(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			report, err := s.Play(variant, s.Defaults(), explore.NewScript(orders...))
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			report.Repeat = "with these orders"
			var b strings.Builder
			if err := view.Text(&b, report, false); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return b.String()
		})
	})
}
