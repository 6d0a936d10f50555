package sweeps

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"racelab/scenario"
	"racelab/sim/explore"
)

// CSV writes the result: comment lines that say what the numbers are and how to
// get them again, then a table. Each column has its interval beside it.
func (r *Result) CSV(w io.Writer) error {
	var b strings.Builder
	say := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "# %s: %s\n", name, fmt.Sprintf(format, args...))
	}
	s := r.Sweep
	say("sweep", "%s: %s", s.Name, s.Title)
	say("question", "%s", s.Question)
	say("command", "%s", r.Command())
	say("seeds", "1 to %d, of each row", r.Seeds)
	for i, p := range s.Parameters {
		say("parameter", "%s=%s: %s", p.Name, r.Values[i].Text, p.Help)
	}
	for _, panel := range s.Panels {
		if panel.Vary != "" {
			say("panel", "%s varies %s%s, all else as above", panel.Name(), panel.Vary, inUnit(s.Unit(panel)))
		}
	}
	for _, series := range s.Series {
		say("series", "%s: %s", series.Name, series.What)
	}
	header := []string{"panel", "value", "series"}
	for _, c := range s.Columns {
		say("column", "%s: %s%s; _low and _high are the ends of its 95 %% interval", c.Name, c.What, inUnit(c.Unit))
		header = append(header, c.Name, c.Name+"_low", c.Name+"_high")
	}
	table := csv.NewWriter(&b)
	_ = table.Write(header) // A strings.Builder takes everything.
	for _, row := range r.Rows {
		cells := []string{row.Panel.Name(), row.Text, row.Series.Name}
		for _, e := range row.Cells {
			cells = append(cells, digits(e.Value), digits(e.Low), digits(e.High))
		}
		_ = table.Write(cells)
	}
	table.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

func inUnit(unit string) string {
	if unit == "" {
		return ""
	}
	return ", in " + unit
}

// Command is the command that makes the result again.
func (r *Result) Command() string { return r.Sweep.Command(r.Values, r.Seeds) }

// Command is the command that runs the sweep with these settings; that of a part
// runs the whole, and says so.
func (s *Sweep) Command(values scenario.Values, seeds int) string {
	words := []string{"sweep", s.Name}
	if seeds != s.Seeds {
		words = append(words, "--seeds", strconv.Itoa(seeds))
	}
	for i, value := range values {
		if value.Text != s.Parameters[i].Default {
			words = append(words, "--set", value.Name+"="+value.Text)
		}
	}
	command := scenario.Command(words...)
	if s.part {
		command += " # has more points"
	}
	return command
}

// digits writes a number with six significant digits.
func digits(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// Number writes a number as a sentence has it: three significant digits, and a
// comma between thousands. A share of nothing is no number: "?".
func Number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "?"
	}
	places := max(0, 2-int(math.Floor(math.Log10(math.Abs(x)))))
	if places == 0 {
		return explore.Thousands(int(math.RoundToEven(x)))
	}
	text := strconv.FormatFloat(x, 'f', places, 64)
	if whole, part, _ := strings.Cut(text, "."); strings.Trim(part, "0") == "" {
		return whole
	}
	return strings.TrimRight(text, "0")
}

// Bar is as long as the value is large, in eighths of a character; 24 characters
// for the most.
func Bar(value, most float64) string {
	if most == 0 {
		return ""
	}
	eighths := int(value/most*24*8 + 0.5)
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar
}
