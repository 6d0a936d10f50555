package simrun

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/scenarios/transactionprotocol"
)

// docsCommand writes the texts that are generated.
func (a *app) docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "docs [DIR]",
		Short:  "Write RACES.md, docs/races, docs/specification.md and the table of symptoms in README.md anew",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("docs takes one folder, not %d", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			readme := filepath.Join(dir, "README.md")
			old, err := os.ReadFile(readme)
			if err != nil {
				return reason(err)
			}
			text, err := scenario.Readme(string(old), a.all)
			if err != nil {
				return err
			}
			for _, page := range append(scenario.Pages(a.all), scenario.Page{Path: "README.md", Text: text},
				scenario.Page{Path: "docs/specification.md", Text: transactionprotocol.Specification()}) {
				path := filepath.Join(dir, page.Path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return reason(err)
				}
				if err := writeWhole(path, []byte(page.Text)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
