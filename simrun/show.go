package simrun

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/sim/view"
)

func (a *app) showCommand() *cobra.Command {
	var s subject
	var claims, asJSON bool
	c := &cobra.Command{
		Use:   "show SCENARIO",
		Short: "Tell a scenario's story: variants, verdicts, what to do, code, commands",
	}
	a.takesScenario(c)
	c.Flags().BoolVar(&claims, "claims", false, "also what write-ups claim, with verdicts")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if _, err := a.whole("show", args[0]); err != nil {
			return err
		}
		return s.find(a, args[0])
	}
	c.RunE = func(*cobra.Command, []string) error {
		if asJSON {
			return view.JSON(a.stdout, aScenarioJSON{a.header("scenario"), a.newScenarioJSON(s.Race)})
		}
		_, err := io.WriteString(a.stdout, a.story(s.Race, claims))
		return err
	}
	return c
}

// story is what show prints, a chapter after the other; those that would be empty
// are left out.
func (a *app) story(s *scenario.Race, claims bool) string {
	var b strings.Builder
	b.WriteString(s.Name + "\n")
	if s.Title != "" {
		fmt.Fprintf(&b, "%s\n\n%s", s.Title, indent(s.Stake))
	}
	chapter := func(title string, lines ...string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "\n%s\n%s", title, strings.Join(lines, ""))
		}
	}
	if s.Do != "" {
		chapter("WHAT TO DO", indent(a.inText(s.Do)))
	}
	chapter("SYMPTOMS", symptoms(s)...)
	chapter("VARIANTS", variants(s)...)
	if len(s.Judged()) > 0 {
		chapter("VERDICTS   \u2717 6/8 = broken in 6 of the 8 settings that check it;  \u00b7 = vacuous", verdictTable(s))
	}
	for _, c := range s.Chapters {
		chapter(strings.ToUpper(c.Title), lines(c.Lines(s))...)
	}
	chapter("WHY", each(s.Reasons, func(r scenario.Reason) string { return indent(r.String()) })...)
	chapter("SETTINGS", each(s.Settings, func(setting scenario.RaceSetting) string {
		return hanging(fmt.Sprintf("@%s: %s", setting.Name, cmp.Or(setting.Changes, "the defaults")))
	})...)
	chapter("PROPERTIES", each(s.Claims, func(c scenario.RaceClaim) string { return fmt.Sprintf("  %s\n%s", c.Name, indent("  "+c.Says)) })...)
	if claims {
		chapter("WHAT THE WRITE-UPS CLAIM", a.claims(s)...)
	}
	chapter("PARAMETERS", each(s.Parameters, func(p scenario.Parameter) string {
		return hanging(fmt.Sprintf("--set %s=%s  %s; %v", p.Name, p.Default, p.Help, p.Takes))
	})...)
	chapter("CODE", lines(s.Code)...)
	chapter("SOURCES", each(s.Sources, hanging)...)
	commands := []string{scenario.Command("run", s.Name), scenario.Command("explore", s.Name), scenario.Command("check", s.Name)}
	if len(s.Statements) > 0 && !claims {
		commands = append(commands, scenario.Command("show", s.Name, "--claims"))
	}
	chapter("COMMANDS", lines(each(commands, a.printed))...)
	chapter("WHAT YOU NEED, AND WHAT GIVES IT (by the verdicts, or a sweep)", a.needs(s)...)
	return b.String()
}

// each is what is printed of each.
func each[T any](all []T, text func(T) string) []string {
	var texts []string
	for _, x := range all {
		texts = append(texts, text(x))
	}
	return texts
}

func lines(texts []string) []string {
	return each(texts, func(text string) string { return "  " + text + "\n" })
}

// variants lists the variants, and what each does. The only one needs no words.
func variants(s *scenario.Race) []string {
	var all []string
	for _, v := range s.Variants {
		if v.Does == "" && len(s.Variants) == 1 {
			continue
		}
		line := "  " + v.Name
		if v.Release != "" {
			line += ": " + v.Release
		}
		if line += "\n"; v.Does != "" {
			line += indent("  " + v.Does)
		}
		all = append(all, line)
	}
	return all
}

// symptoms says what a user sees of it, and in which releases.
func symptoms(s *scenario.Race) []string {
	var all []string
	for _, symptom := range s.Symptoms {
		for _, seen := range symptom.Seen {
			all = append(all, indent(seen.String()))
		}
		all = append(all, indent("  in "+s.Has(symptom)))
	}
	return all
}

func (a *app) claims(s *scenario.Race) []string {
	var all []string
	for _, said := range s.Statements {
		text := hanging(said.ID+": "+said.Finding()) + indent(said.Says) + indent(said.Evidence)
		if said.Command != "" {
			text += fmt.Sprintf("    $ %s\n", a.printed(said.Command))
		}
		if said.Figure != "" {
			text += fmt.Sprintf("    %s\n", said.Figure)
		}
		all = append(all, text)
	}
	return all
}

// needs says which variants give what a reader may need.
func (a *app) needs(s *scenario.Race) []string {
	var all []string
	for _, need := range s.Needs() {
		text := fmt.Sprintf("  %s\n%s", need.Name, indent("\u2713 "+cmp.Or(strings.Join(need.Gives, ", "), "no variant")))
		if len(need.Breaks) > 0 {
			text += indent("\u2717 " + strings.Join(need.Breaks, ", "))
		}
		if need.Command != "" {
			text += fmt.Sprintf("    $ %s\n", a.printed(need.Command))
		}
		all = append(all, text)
	}
	return all
}

// columns is how wide a terminal is taken to be.
const columns = 100

// widest is the width of the widest line of a text.
func widest(text string) int {
	most := 0
	for line := range strings.Lines(text) {
		most = max(most, utf8.RuneCountInString(strings.TrimRight(line, " \n")))
	}
	return most
}

// verdictTable shows at a glance what breaks where. Where a column a variant is too
// wide, it has a row a variant, and a letter a property.
func verdictTable(s *scenario.Race) string {
	text := propertiesByVariants(s)
	if widest(text) <= columns {
		return text
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range s.Judged() {
		fmt.Fprintf(table, "\t%c", 'A'+i)
	}
	fmt.Fprintln(table)
	for _, v := range s.Variants {
		fmt.Fprint(table, "  "+v.Name)
		for _, p := range s.Judged() {
			fmt.Fprint(table, "\t"+s.Tally(v.Name, p).Cell())
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // A strings.Builder takes everything.
	for i, p := range s.Judged() {
		fmt.Fprintf(&b, "  %c %s\n", 'A'+i, p)
	}
	return b.String()
}

func propertiesByVariants(s *scenario.Race) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range s.Variants {
		fmt.Fprint(table, "\t"+v.Name)
	}
	fmt.Fprintln(table)
	for _, p := range s.Judged() {
		fmt.Fprint(table, "  "+p)
		for _, v := range s.Variants {
			fmt.Fprint(table, "\t"+s.Tally(v.Name, p).Cell())
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // A strings.Builder takes everything.
	return b.String()
}

// hanging wraps an entry of a list, and sets in what does not fit into its first line.
func hanging(text string) string {
	first, rest, _ := strings.Cut(strings.Join(view.Wrap(text, columns-4), "\n"), "\n")
	entry := "  " + first + "\n"
	if rest != "" {
		entry += "    " + strings.ReplaceAll(rest, "\n", "\n    ") + "\n"
	}
	return entry
}

// described lists names, set in by some spaces, each with its text beside it in as many lines
// as that needs.
func described(by int, list [][2]string) string {
	wide := 0
	for _, entry := range list {
		wide = max(wide, utf8.RuneCountInString(entry[0]))
	}
	var b strings.Builder
	for _, entry := range list {
		name := entry[0]
		for _, line := range view.Wrap(entry[1], columns-by-wide-2) {
			fmt.Fprintf(&b, "%*s%-*s  %s\n", by, "", wide, name, line)
			name = ""
		}
	}
	return b.String()
}

// indent wraps a paragraph and sets it in.
func indent(text string) string {
	var b strings.Builder
	for _, line := range view.Wrap(text, 90) {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}
