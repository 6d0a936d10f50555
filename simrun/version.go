package simrun

import (
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"racelab/sim"
	"racelab/sim/explore"
	"racelab/sim/trace"
	"racelab/sim/view"
)

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print revision, Go and a hash of the models",
		Long: "Print revision, Go and a hash of the models: of the first 200 steps of each variant on the\n" +
			"story of its scenario, and of the table of verdicts. Two programs with one hash agree in both.",
		Args: noArguments,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.RunE = func(*cobra.Command, []string) error { return a.version(asJSON) }
	return c
}

type versionJSON struct {
	header
	Go     string `json:"go"`
	Models string `json:"models"`
}

func (a *app) version(asJSON bool) error {
	models, err := a.models()
	if err != nil {
		return err
	}
	if asJSON {
		return view.JSON(a.stdout, versionJSON{a.header("version"), runtime.Version(), models})
	}
	_, err = fmt.Fprintf(a.stdout, "%s %s, %s %s/%s, models %s\n", a.program, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH, models)
	return err
}

// models is a hash of what the models do: each variant's run on the story of its
// scenario, step by step, and what is expected of it.
func (a *app) models() (string, error) {
	hash := sha256.New()
	for _, s := range a.all {
		for _, v := range s.Variants {
			fmt.Fprintln(hash, s.Name, v.Name)
			for _, setting := range s.Settings {
				for _, property := range s.Judged() {
					fmt.Fprintln(hash, setting.Name, setting.Values, property, s.Expected(v.Name, property, setting.Name))
				}
			}
			c, err := s.Case(v.Name, "")
			if err != nil {
				return "", err
			}
			w := c.World()
			trace := trace.Record(w)
			if _, err = sim.Run(w, &shortRun{c.Default(), 200}); err == nil {
				writeTrace(hash, trace, w)
			}
			w.Close()
			if err != nil {
				return "", fmt.Errorf("%s/%s: %w", s.Name, v.Name, err)
			}
		}
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}

func writeTrace(hash io.Writer, trace *trace.Trace, w *sim.World) {
	for i := range trace.Steps {
		fmt.Fprintln(hash, trace.Schedule[i], trace.Steps[i].Changes)
	}
	for _, field := range explore.Of(w).Fields() {
		fmt.Fprintln(hash, field.Path, field.Value)
	}
}

// shortRun ends a run after some choices.
type shortRun struct {
	sim.Chooser
	left int
}

func (c *shortRun) Choose(enabled []sim.Event) (int, error) {
	if c.left == 0 {
		return 0, sim.ErrScheduleEnds
	}
	c.left--
	return c.Chooser.Choose(enabled)
}
