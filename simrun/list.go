package simrun

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"racelab/scenario"
	"racelab/sim/explore"
	"racelab/sim/view"
)

func (a *app) listCommand() *cobra.Command {
	var asJSON bool
	var release string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, or what a release has",
		Args:  noArguments,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().StringVar(&release, "release", "", "only what a release of a client has, such as sarama@1.43.2")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("release") {
			return a.isRelease(release)
		}
		return nil
	}
	c.RunE = func(*cobra.Command, []string) error {
		switch {
		case asJSON:
			return a.listJSON(release)
		case release != "":
			return a.listRelease(release)
		}
		return a.listText()
	}
	return c
}

func (a *app) listText() error {
	var b strings.Builder
	for _, group := range scenario.Groups() {
		in := scenario.InGroup(a.all, group)
		if len(in) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s\n", group)
		var titles [][2]string
		for _, s := range in {
			fixed := ""
			if s.Fixed != "" {
				fixed = "; fixed in " + s.Fixed
			}
			titles = append(titles, [2]string{s.Name, s.Title + fixed})
		}
		b.WriteString(described(2, titles))
	}
	fmt.Fprintf(&b, "\n%s tells the story of one; %s shows it.\n", a.printed(scenario.Command("show", "SCENARIO")), a.printed(scenario.Command("run", "SCENARIO")))
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

var releaseForm = regexp.MustCompile(`^([a-z-]+)@v?(\d+(?:\.\d+)*)$`)

// isRelease says what is wrong with --release.
func (a *app) isRelease(text string) error {
	m := releaseForm.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("--release %.60q is no release; want CLIENT@VERSION, such as sarama@1.43.2", text)
	}
	if clients := scenario.Clients(a.all); !slices.Contains(clients, m[1]) {
		return &scenario.UnknownName{Kind: "client", Name: m[1], Possible: clients}
	}
	return nil
}

// listRelease lists the variants that a release runs and that break something.
// Where no variant says anything of the release, it says so.
func (a *app) listRelease(release string) error {
	m := releaseForm.FindStringSubmatch(release)
	var b, open strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range a.all {
		variants, about, known := s.In(m[1], m[2])
		for _, v := range variants {
			if s.BreaksAnything(v) {
				fmt.Fprintf(table, "%s/%s\t%s\t%s\n", s.Name, v.Name, v.Release, verdicts(s, v))
			}
		}
		if about && !known {
			var read []string
			for _, v := range s.Variants {
				if r, ok := v.Releases(); ok && r.Client == m[1] {
					read = append(read, v.Release)
				}
			}
			fmt.Fprintf(&open, "%s: not known of %s; its variants stand for %s\n", s.Name, release, strings.Join(read, "; "))
		}
	}
	_ = table.Flush() // A strings.Builder takes everything.
	if b.Len() == 0 {
		fmt.Fprintf(&b, "nothing is known to break in %s\n", release)
	}
	if open.Len() > 0 {
		fmt.Fprintf(&b, "\n%s", open.String())
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

// verdicts sums up what a variant is expected to break, and in which settings, if
// not in all.
func verdicts(s *scenario.Race, v scenario.RaceVariant) string {
	var broken []string
	for _, p := range s.Judged() {
		switch t := s.Tally(v.Name, p); {
		case len(t.Breaks) == 0:
		case len(t.Breaks) == t.Settings:
			broken = append(broken, p)
		default:
			broken = append(broken, p+" (in "+strings.Join(t.Breaks, ", ")+")")
		}
	}
	if broken == nil {
		return "holds"
	}
	return "breaks " + strings.Join(broken, ", ")
}

// listJSON writes all scenarios; with a release, only those of its variants that it
// runs.
func (a *app) listJSON(release string) error {
	out := listJSON{header: a.header("list"), Release: release, Scenarios: []scenarioJSON{}}
	m := releaseForm.FindStringSubmatch(release)
	for _, s := range a.all {
		one := a.newScenarioJSON(s)
		if m != nil {
			variants, about, known := s.In(m[1], m[2])
			if about && !known {
				out.Unknown = append(out.Unknown, s.Name)
			}
			one.Variants = slices.DeleteFunc(one.Variants, func(j variantJSON) bool {
				return !slices.ContainsFunc(variants, func(v scenario.RaceVariant) bool { return v.Name == j.Name && s.BreaksAnything(v) })
			})
			if len(one.Variants) == 0 {
				continue
			}
		}
		out.Scenarios = append(out.Scenarios, one)
	}
	return view.JSON(a.stdout, out)
}

type listJSON struct {
	header
	Release   string         `json:"release,omitempty"`
	Unknown   []string       `json:"unknown,omitempty"` // scenarios of the client that say nothing of the release
	Scenarios []scenarioJSON `json:"scenarios"`
}

type aScenarioJSON struct {
	header
	scenarioJSON
}

type scenarioJSON struct {
	Name       string            `json:"name"`
	Title      string            `json:"title"`
	Group      string            `json:"group"`
	Fixed      string            `json:"fixed,omitempty"` // the release that no longer has the race
	Stake      string            `json:"stake"`
	Parameters []parameterJSON   `json:"parameters"`
	Variants   []variantJSON     `json:"variants"`
	Settings   []settingJSON     `json:"settings"`
	Properties map[string]string `json:"properties"` // claim by property
	Claims     []claimJSON       `json:"claims"`
	Needs      []needJSON        `json:"needs,omitempty"`
	Symptoms   []symptomJSON     `json:"symptoms,omitempty"`
}

type needJSON struct {
	Name   string   `json:"name"`
	Gives  []string `json:"gives"`  // names of variants
	Breaks []string `json:"breaks"` // likewise
}

type parameterJSON struct {
	Name    string `json:"name"`
	Help    string `json:"help"`
	Default string `json:"default"`
	Takes   string `json:"takes"`
}

func newParameterJSON(p scenario.Parameter) parameterJSON {
	return parameterJSON{p.Name, p.Help, p.Default, p.Takes.String()}
}

type variantJSON struct {
	Name    string `json:"name"`
	Release string `json:"release"`
	What    string `json:"what"`
	// Expected is the outcome by property, by setting.
	Expected map[string]map[string]explore.Outcome `json:"expected"`
}

type settingJSON struct {
	Name       string            `json:"name"`
	Parameters map[string]string `json:"parameters"`
}

type claimJSON struct {
	ID       string           `json:"id"`
	Says     string           `json:"says"`
	Verdict  scenario.Verdict `json:"verdict"`
	When     string           `json:"when,omitempty"` // its condition
	Evidence string           `json:"evidence"`
	Command  string           `json:"command,omitempty"`
	Figure   string           `json:"figure,omitempty"` // a file of the repository
}

func (a *app) newScenarioJSON(s *scenario.Race) scenarioJSON {
	out := scenarioJSON{
		Name: s.Name, Title: s.Title, Group: string(s.Group), Fixed: s.Fixed, Stake: s.Stake, Properties: map[string]string{},
		Parameters: []parameterJSON{}, Variants: []variantJSON{}, Settings: []settingJSON{}, Claims: []claimJSON{},
	}
	for _, p := range s.Parameters {
		out.Parameters = append(out.Parameters, newParameterJSON(p))
	}
	for _, setting := range s.Settings {
		out.Settings = append(out.Settings, settingJSON{setting.Name, valuesJSON(setting.Values)})
	}
	for _, c := range s.Claims {
		out.Properties[c.Name] = c.Says
	}
	for _, v := range s.Variants {
		expected := map[string]map[string]explore.Outcome{}
		for _, setting := range s.Settings {
			expected[setting.Name] = map[string]explore.Outcome{}
			for _, p := range s.Watched(v.Name, setting.Name) {
				expected[setting.Name][p] = s.Expected(v.Name, p, setting.Name).Outcome
			}
		}
		out.Variants = append(out.Variants, variantJSON{v.Name, v.Release, v.Does, expected})
	}
	for _, said := range s.Statements {
		out.Claims = append(out.Claims, claimJSON(said))
	}
	for _, symptom := range s.Symptoms {
		out.Symptoms = append(out.Symptoms, a.newSymptomJSON(s, symptom))
	}
	for _, need := range s.Needs() {
		out.Needs = append(out.Needs, needJSON{need.Name, need.Gives, need.Breaks})
	}
	return out
}
