package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"racelab/figures"
	"racelab/scenarios"
	"racelab/sim/view"
	"racelab/sweeps"
)

// sweeping is the flags of sweep.
type sweeping struct {
	sweep    *sweeps.Sweep
	values   scenarios.Values
	out      string
	seeds    int
	workers  int
	settings []string
	json     bool
}

func sweepCommand() *cobra.Command {
	var s sweeping
	c := &cobra.Command{
		Use:   "sweep [NAME]",
		Short: "Measure over a grid of parameters: a table, or CSV, PNG and SVG; without a name, list the sweeps",
		Long: "Measure over a grid of parameters, each point with many seeds, in timed mode.\n" +
			"With --out it writes NAME.csv and the figures to a folder, and a sweep that was\n" +
			"interrupted there goes on when the same command is given again; without, it\n" +
			"prints a table and writes nothing. Without a name it lists the sweeps.",
	}
	f := c.Flags()
	f.StringVar(&s.out, "out", "", "the folder for CSV, PNG and SVG; made if it is not there")
	f.IntVar(&s.seeds, "seeds", 0, "runs of each point; without it, as many as the sweep says")
	f.IntVar(&s.workers, "workers", 0, "how many points are run at once; without it, one a processor; no result depends on it")
	f.StringArrayVar(&s.settings, "set", nil, "a parameter, as NAME=VALUE; may be repeated")
	f.BoolVar(&s.json, "json", false, "write JSON")
	for _, sweep := range sweeps.All() {
		c.ValidArgs = append(c.ValidArgs, sweep.Name)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return s.list(c)
		case len(args) > 1:
			return fmt.Errorf("sweep takes one name, not %d; there is %s", len(args), strings.Join(c.ValidArgs, ", "))
		}
		if err := s.find(args[0], c.Flags().Changed); err != nil {
			return err
		}
		return s.run(c)
	}
	return c
}

func (s *sweeping) find(name string, set func(string) bool) (err error) {
	if s.sweep, err = sweeps.Find(name); err != nil {
		return err
	}
	if s.values, err = s.sweep.Set(s.settings); err != nil {
		return err
	}
	switch {
	case set("seeds") && (s.seeds < 1 || s.seeds > maxSeeds):
		return fmt.Errorf("--seeds %d is not possible; want 1 to %d", s.seeds, maxSeeds)
	case set("workers") && (s.workers < 1 || s.workers > 256):
		return fmt.Errorf("--workers %d is not possible; want 1 to 256", s.workers)
	case set("out") && s.out == "":
		return errors.New("--out is empty; want a folder")
	}
	s.seeds, s.workers = cmp.Or(s.seeds, s.sweep.Seeds), cmp.Or(s.workers, runtime.GOMAXPROCS(0))
	return nil
}

const maxSeeds = 100_000

// list says what sweeps there are.
func (s *sweeping) list(c *cobra.Command) error {
	if set := c.Flags().NFlag(); set > 1 || set == 1 && !s.json {
		return fmt.Errorf("sweep without a name takes no flag but --json; the names are %s", strings.Join(c.ValidArgs, ", "))
	}
	if s.json {
		out := []sweepJSON{}
		for _, sweep := range sweeps.All() {
			out = append(out, newSweepJSON(sweep))
		}
		return view.JSON(c.OutOrStdout(), out)
	}
	var b strings.Builder
	for _, sweep := range sweeps.All() {
		fmt.Fprintf(&b, "%s: %s\n%s", sweep.Name, sweep.Title, indent(sweep.Question))
		for _, p := range sweep.Parameters {
			fmt.Fprintf(&b, "    --set %s=%s  %s\n", p.Name, p.Default, p.Help)
		}
	}
	fmt.Fprintln(&b, "\nsimrun sweep NAME prints a table; with --out DIR it writes CSV, PNG and SVG.")
	_, err := io.WriteString(c.OutOrStdout(), b.String())
	return err
}

// run runs the sweep and writes what it found.
func (s *sweeping) run(c *cobra.Command) error {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	defer release()
	status := newStatus(c.ErrOrStderr())
	o := sweeps.Options{
		Seeds: s.seeds, Workers: s.workers,
		Stop: func() bool { return ctx.Err() != nil },
		Progress: func(done, points int) {
			status.show(fmt.Sprintf("%s: %d of %d points", s.sweep.Name, done, points), done, points)
		},
	}
	if s.out != "" {
		build, err := buildID()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(s.out, 0o755); err != nil {
			return fmt.Errorf("--out %.120s: %w; want a folder that can be written", s.out, reason(err))
		}
		o.Journal, o.Build = filepath.Join(s.out, s.sweep.Name+".journal"), build
	}
	result, err := s.sweep.Run(s.values, o)
	status.clear()
	if stopped := (*sweeps.Stopped)(nil); errors.As(err, &stopped) {
		fmt.Fprintf(c.ErrOrStderr(), "simrun: interrupted after %d of %d points; %s\n", stopped.Done, stopped.Points, s.goOn())
		return exit(exitInterrupted)
	}
	if err != nil {
		return err
	}
	if s.out != "" {
		return s.files(c.OutOrStdout(), result, o.Journal)
	}
	if s.json {
		return view.JSON(c.OutOrStdout(), newResultJSON(result))
	}
	return sweepText(c.OutOrStdout(), result)
}

// command is the command that was given.
func (s *sweeping) command() string {
	command := s.sweep.Command(s.values, s.seeds)
	if s.out != "" {
		command += " --out " + s.out
	}
	return command
}

// goOn is what can be done after an interrupt.
func (s *sweeping) goOn() string {
	if s.out == "" {
		return "nothing is kept without --out"
	}
	return "to go on: " + s.command()
}

// buildID tells this program from another: a journal is of one program only,
// since another may measure something else.
func buildID() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}

// files writes CSV and figures, each whole or not at all, and takes the journal
// away at the end.
func (s *sweeping) files(w io.Writer, r *sweeps.Result, journal string) error {
	var table bytes.Buffer
	if err := r.CSV(&table); err != nil {
		return err
	}
	files := []outFile{{s.sweep.Name + ".csv", table.Bytes()}}
	for _, f := range s.sweep.Figures {
		name := strings.TrimSuffix(s.sweep.Name+"-"+f.Name, "-")
		for _, kind := range []struct {
			ending string
			draw   func(*sweeps.Result, sweeps.Figure) ([]byte, error)
		}{{".png", figures.PNG}, {".svg", figures.SVG}} {
			content, err := kind.draw(r, f)
			if err != nil {
				return err
			}
			files = append(files, outFile{name + kind.ending, content})
		}
	}
	var paths []string
	for _, f := range files {
		path := filepath.Join(s.out, f.name)
		if err := writeWhole(path, f.content); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	if err := os.Remove(journal); err != nil {
		return reason(err)
	}
	if s.json {
		return view.JSON(w, newResultJSON(r))
	}
	var b strings.Builder
	for _, f := range s.sweep.Figures {
		fmt.Fprintln(&b, f.Headline(r))
	}
	fmt.Fprintf(&b, "\nwritten: %s\n", strings.Join(paths, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}

type outFile struct {
	name    string
	content []byte
}

// writeWhole puts a file in its place in one step, so that nobody ever sees
// half of it.
func writeWhole(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return reason(err)
	}
	_, err = temp.Write(content)
	err = cmp.Or(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return fmt.Errorf("%s: %w", path, reason(err))
	}
	return nil
}

// reason is an error of the file system without the system call's name.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// sweepText prints a result as people look at it: the findings, then a row a
// point, each with a bar for the first column.
func sweepText(w io.Writer, r *sweeps.Result) error {
	var b strings.Builder
	s := r.Sweep
	fmt.Fprintf(&b, "%s: %s\n%s\n%d seeds a row; 95 %% intervals in brackets; %v\n", s.Name, s.Title, indent(s.Question), r.Seeds, r.Values)
	for _, f := range s.Figures {
		fmt.Fprintf(&b, "\n%s\n", f.Headline(r))
	}
	most := 0.0
	for _, row := range r.Rows {
		most = max(most, row.Cells[0].Value)
	}
	for _, panel := range s.Panels {
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(&b, "\n")
		fmt.Fprintf(table, "%s\t", panel.Name())
		for _, c := range s.Columns {
			fmt.Fprintf(table, "%s, %s\t", c.Name, c.Unit)
		}
		fmt.Fprintln(table)
		for _, row := range r.Rows {
			if row.Panel.Name() != panel.Name() {
				continue
			}
			fmt.Fprintf(table, "%s\t", strings.TrimSpace(row.Text+" "+row.Series.Name))
			for i, e := range row.Cells {
				fmt.Fprint(table, e)
				if measured, ok := r.Reference(row, s.Columns[i].Name); ok {
					fmt.Fprintf(table, " measured %s", sweeps.Number(measured))
				}
				fmt.Fprint(table, "\t")
			}
			fmt.Fprintln(table, sweeps.Bar(row.Cells[0].Value, most))
		}
		_ = table.Flush() // A strings.Builder takes everything.
	}
	fmt.Fprintf(&b, "\nfigures: %s --out DIR\n", r.Command())
	_, err := io.WriteString(w, b.String())
	return err
}

type sweepJSON struct {
	Name       string          `json:"name"`
	Title      string          `json:"title"`
	Question   string          `json:"question"`
	Measured   string          `json:"measured"`
	Parameters []parameterJSON `json:"parameters"`
	Panels     []panelJSON     `json:"panels"`
	Series     []seriesJSON    `json:"series"`
	Columns    []columnJSON    `json:"columns"`
	Seeds      int             `json:"seeds"`
}

type panelJSON struct {
	Name   string   `json:"name"`
	Varies string   `json:"varies"` // the parameter; empty: none
	Values []string `json:"values"`
}

type seriesJSON struct {
	Name string `json:"name"`
	What string `json:"what"`
}

type columnJSON struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	What string `json:"what"`
}

func newSweepJSON(s *sweeps.Sweep) sweepJSON {
	out := sweepJSON{
		Name: s.Name, Title: s.Title, Question: s.Question, Measured: s.Measured, Seeds: s.Seeds,
		Parameters: []parameterJSON{}, Panels: []panelJSON{}, Series: []seriesJSON{}, Columns: []columnJSON{},
	}
	for _, p := range s.Parameters {
		out.Parameters = append(out.Parameters, newParameterJSON(p))
	}
	for _, p := range s.Panels {
		out.Panels = append(out.Panels, panelJSON{p.Name(), p.Vary, append([]string{}, p.Values...)})
	}
	for _, series := range s.Series {
		out.Series = append(out.Series, seriesJSON(series))
	}
	for _, c := range s.Columns {
		out.Columns = append(out.Columns, columnJSON{c.Name, c.Unit, c.What})
	}
	return out
}

type resultJSON struct {
	Sweep      sweepJSON         `json:"sweep"`
	Parameters map[string]string `json:"parameters"`
	Seeds      int               `json:"seeds"`
	Findings   []string          `json:"findings"` // the headlines of the figures
	Rows       []sweepRowJSON    `json:"rows"`
	Repeat     string            `json:"repeat"`
}

type sweepRowJSON struct {
	Panel   string                     `json:"panel"`
	Value   string                     `json:"value"` // of the parameter that varies; empty: none does
	Series  string                     `json:"series"`
	Columns map[string]sweeps.Estimate `json:"columns"`
}

func newResultJSON(r *sweeps.Result) resultJSON {
	out := resultJSON{
		Sweep: newSweepJSON(r.Sweep), Parameters: valuesJSON(r.Values), Seeds: r.Seeds,
		Findings: []string{}, Rows: rowsJSON(r), Repeat: r.Command(),
	}
	for _, f := range r.Sweep.Figures {
		out.Findings = append(out.Findings, f.Headline(r))
	}
	return out
}

func rowsJSON(r *sweeps.Result) []sweepRowJSON {
	out := []sweepRowJSON{}
	for _, row := range r.Rows {
		columns := map[string]sweeps.Estimate{}
		for i, c := range r.Sweep.Columns {
			columns[c.Name] = row.Cells[i]
		}
		out = append(out, sweepRowJSON{row.Panel.Name(), row.Text, row.Series.Name, columns})
	}
	return out
}
