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
// that lead into it (without any, the scenario's own schedule), and the picture
// of what happened; why=no leaves out the orders that force it, where their search
// takes a second. Rewrite them with
// `go test ./scenarios -rewrite`, and read the difference.
func TestInteraction(t *testing.T) {
	long(t)
	datadriven.Walk(t, "testdata/interaction", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "run" {
				d.Fatalf(t, "there is no command %q; there is run", d.Cmd)
			}
			r, err := scenarios.Find(d.CmdArgs[0].Key)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			var name, format string
			d.ScanArgs(t, "variant", &name)
			d.MaybeScanArgs(t, "format", &format)
			var settings []string
			if arg, ok := d.Arg("set"); ok {
				settings = arg.Vals
			}
			c, err := r.Case(name, "", settings...)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			orders, err := explore.ParseOrders(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			chooser := c.Default()
			if len(orders) > 0 {
				if err := c.CheckOrders(orders); err != nil {
					d.Fatalf(t, "%v", err)
				}
				chooser = explore.NewScript(orders...)
			}
			var why string
			d.MaybeScanArgs(t, "why", &why)
			play := c.Play
			if why == "no" {
				play = c.Watch
			}
			report, err := play(chooser)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			report.Repeat = "as above"
			speaks(t, c, report)
			var b strings.Builder
			if format == "mermaid" {
				err = view.Mermaid(&b, report, view.Options{})
			} else {
				err = view.Text(&b, report, view.Options{})
			}
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			return b.String()
		})
	})
}
