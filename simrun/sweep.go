package simrun

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"racelab/figures"
	"racelab/scenario"
	"racelab/sim/explore"
	"racelab/sim/view"
	"racelab/sweeps"
)

// sweeping is the flags of sweep.
type sweeping struct {
	sweep    *sweeps.Sweep
	setup    sweeps.Setup
	out      string
	seeds    int
	parallel workers
	settings []string
	json     bool
	shard    shard
}

func (a *app) sweepCommand() *cobra.Command {
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
	s.parallel.flag(c)
	f.StringArrayVar(&s.settings, "set", nil, "a parameter, as NAME=VALUE; may be repeated")
	f.BoolVar(&s.json, "json", false, "write JSON")
	s.shard.flag(c)
	for _, sweep := range sweeps.All() {
		c.ValidArgs = append(c.ValidArgs, sweep.Name)
	}
	c.PreRunE = func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 1:
			return cmp.Or(s.find(c, args[0]), s.shard.read(c, args, s.out))
		case len(args) > 1:
			return fmt.Errorf("sweep takes one name, not %d; possible: %s", len(args), strings.Join(c.ValidArgs, ", "))
		}
		if set := c.Flags().NFlag(); set > 1 || set == 1 && !s.json {
			return fmt.Errorf("sweep without a name takes no flag but --json; possible: %s", strings.Join(c.ValidArgs, ", "))
		}
		return nil
	}
	c.RunE = func(*cobra.Command, []string) error {
		if s.sweep == nil {
			return s.list(a)
		}
		return s.run(a)
	}
	return c
}

func (s *sweeping) find(c *cobra.Command, name string) (err error) {
	if s.sweep, err = sweeps.Find(name); err != nil {
		return err
	}
	if s.setup, err = s.sweep.Set(s.settings); err != nil {
		return err
	}
	set := c.Flags().Changed
	switch {
	case set("seeds") && (s.seeds < 1 || s.seeds > maxSeeds):
		return fmt.Errorf("--seeds %d is not possible; want 1 to %d", s.seeds, maxSeeds)
	case set("out") && s.out == "":
		return errors.New("--out is empty; want a folder")
	}
	s.seeds = cmp.Or(s.seeds, s.sweep.Seeds)
	return s.parallel.check(c)
}

const maxSeeds = 100_000

// list says what sweeps there are.
func (s *sweeping) list(a *app) error {
	if s.json {
		out := sweepsJSON{a.header("sweeps"), []sweepJSON{}}
		for _, sweep := range sweeps.All() {
			out.Sweeps = append(out.Sweeps, newSweepJSON(sweep))
		}
		return view.JSON(a.stdout, out)
	}
	var b strings.Builder
	for _, sweep := range sweeps.All() {
		fmt.Fprintf(&b, "%s: %s\n%s", sweep.Name, sweep.Title, indent(sweep.Question))
		var parameters [][2]string
		for _, p := range sweep.Parameters {
			parameters = append(parameters, [2]string{"--set " + p.Name + "=" + p.Default, p.Help})
		}
		b.WriteString(described(4, parameters))
	}
	fmt.Fprintf(&b, "\n%s prints a table; with --out DIR it writes CSV, PNG and SVG.\n", a.printed(scenario.Command("sweep", "NAME")))
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

// run runs the sweep and writes what it found.
func (s *sweeping) run(a *app) error {
	signals, release := a.watch()
	defer release()
	if os.Getenv("GOGC") == "" {
		// Runs are many and small: the collector would take a fifth of the time.
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	status := newStatus(a.stderr)
	o := sweeps.Options{
		Seeds: s.seeds, Workers: s.parallel.count(),
		Stop: signals.interrupted,
		Progress: func(done, points int) {
			status.show(fmt.Sprintf("%s: %d of %d points", s.sweep.Name, done, points), done, points)
		},
	}
	var err error
	if o.Parts, err = partsOf[sweeps.Part](a); err != nil {
		return err
	}
	if s.shard.of > 0 {
		return s.part(a, o, status, signals)
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
	result, err := s.sweep.Run(s.setup, o)
	status.clear()
	if stopped := (*sweeps.Stopped)(nil); errors.As(err, &stopped) {
		a.say("interrupted after %d of %d points; %s", stopped.Done, stopped.Points, s.goOn(a))
		return signals.code()
	}
	if err != nil {
		return err
	}
	if s.out != "" {
		return s.files(a, result, o.Journal)
	}
	if s.json {
		return view.JSON(a.stdout, newResultJSON(a, result))
	}
	return a.sweepText(result)
}

// part runs the points of a shard.
func (s *sweeping) part(a *app, o sweeps.Options, status *status, signals *interrupts) error {
	part, err := s.sweep.RunPart(s.setup, o, s.shard.has)
	status.clear()
	if stopped := (*sweeps.Stopped)(nil); errors.As(err, &stopped) {
		a.say("interrupted; nothing of this shard is written")
		return signals.code()
	}
	if err != nil {
		return err
	}
	return s.shard.write(a, part)
}

// goOn is what can be done after an interrupt.
func (s *sweeping) goOn(a *app) string {
	if s.out == "" {
		return "nothing is kept without --out"
	}
	return "to go on: " + a.printed(s.sweep.Command(s.setup.Values, s.seeds)) + " --out " + s.out
}

// buildID tells this program from another: a journal is of one program only,
// since another may measure something else.
var buildID = sync.OnceValues(func() (string, error) {
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
})

// files writes CSV and figures, each whole or not at all, and takes the journal
// away at the end.
func (s *sweeping) files(a *app, r *sweeps.Result, journal string) error {
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
		return view.JSON(a.stdout, newResultJSON(a, r))
	}
	var b strings.Builder
	for _, f := range s.sweep.Figures {
		fmt.Fprintln(&b, f.Headline(r))
	}
	fmt.Fprintf(&b, "\nwritten: %s\n", strings.Join(paths, ", "))
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

type outFile struct {
	name    string
	content []byte
}

// writeWhole puts a file in its place in one step, so that nobody ever sees half of it. A link
// stays one. What is no file, such as /dev/null or a pipe, is written to as it is.
func writeWhole(path string, content []byte) error {
	put := replace
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		put = func(path string, content []byte) error { return os.WriteFile(path, content, 0o644) }
	}
	if err := put(path, content); err != nil {
		return fmt.Errorf("%s: %w", path, cause(err))
	}
	return nil
}

func replace(path string, content []byte) error {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		path = file
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	err = cmp.Or(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// reason is an error of the file system without the system call's name.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// cause is one without the file's name, too.
func cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// sweepText prints a result as people look at it: the findings, then a row a
// point, each with a bar for the first column.
func (a *app) sweepText(r *sweeps.Result) error {
	var b strings.Builder
	s := r.Sweep
	fmt.Fprintf(&b, "%s: %s\n%s\n", s.Name, s.Title, indent(s.Question))
	paragraph := func(format string, args ...any) {
		b.WriteString(strings.Join(view.Wrap(fmt.Sprintf(format, args...), columns), "\n") + "\n")
	}
	everywhere, only := r.Holds(s.Panels)
	paragraph("%s a row; 95 %% intervals in brackets; %v", explore.Count(r.Seeds, "seed"), everywhere)
	for _, f := range s.Figures {
		b.WriteString("\n")
		paragraph("%s", f.Headline(r))
	}
	most := 0.0
	for _, row := range r.Rows {
		most = max(most, row.Cells[0].Value)
	}
	for i, panel := range s.Panels {
		if len(only[i]) > 0 {
			b.WriteString("\n")
			paragraph("with %v:", only[i])
		}
		for from, to := 0, 0; from < len(s.Columns); from = to {
			var text string
			for to = len(s.Columns); ; to-- { // as many columns as fit
				if text = sweepTable(r, panel, from, to, most); widest(text) <= columns || to == from+1 {
					break
				}
			}
			b.WriteString("\n" + text)
		}
	}
	fmt.Fprintf(&b, "\nfigures: %s --out DIR\n", a.printed(r.Command()))
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

// sweepTable is a panel's columns, from one up to another; beside the first a bar.
func sweepTable(r *sweeps.Result, panel sweeps.Panel, from, to int, most float64) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\t", panel.Vary)
	for _, c := range r.Sweep.Columns[from:to] {
		fmt.Fprintf(table, "%s, %s\t", c.Name, c.Unit)
	}
	fmt.Fprintln(table)
	for _, row := range r.Rows {
		if row.Panel.Name() != panel.Name() {
			continue
		}
		fmt.Fprintf(table, "%s\t", strings.TrimSpace(row.Text+" "+row.Series.Name))
		for i, e := range row.Cells[from:to] {
			fmt.Fprint(table, e)
			if measured, ok := r.Reference(row, r.Sweep.Columns[from+i].Name); ok {
				fmt.Fprintf(table, " measured %s", sweeps.Number(measured))
			}
			fmt.Fprint(table, "\t")
		}
		if from == 0 {
			fmt.Fprint(table, sweeps.Bar(row.Cells[0].Value, most))
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // A strings.Builder takes everything.
	return b.String()
}

type sweepsJSON struct {
	header
	Sweeps []sweepJSON `json:"sweeps"`
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
	header
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

func newResultJSON(a *app, r *sweeps.Result) resultJSON {
	out := resultJSON{
		header: a.header("sweep"), Sweep: newSweepJSON(r.Sweep), Parameters: valuesJSON(r.Values), Seeds: r.Seeds,
		Findings: []string{}, Rows: rowsJSON(r), Repeat: a.printed(r.Command()),
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
