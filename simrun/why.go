package simrun

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"racelab/model"
	"racelab/scenario"
	"racelab/sim/view"
)

func (a *app) whyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "why [TEXT | FILE]",
		Short: "Find the race behind a line of a log, an error or a symptom",
		Long: "Find the race behind a line of a log, an error or a symptom: which releases have it, and\n" +
			"what to do. Of a FILE or of stdin, which is - or nothing, it reads all lines, and says which\n" +
			"line was the first; a log may be UTF-16 or packed by gzip. It exits with 4 if nothing that\n" +
			"is known fits.",
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.RunE = func(_ *cobra.Command, args []string) error {
		found, text, err := a.readSymptoms(args)
		if err != nil {
			return err
		}
		return a.why(found, text, asJSON)
	}
	return c
}

// shown is a symptom that a text or a log shows.
type shown struct {
	scenario.Match
	line int    // the first, from 1
	text string // of it
	more int    // lines
}

// readSymptoms finds all of a text, a file or stdin, each once. text is what was asked, if it is one
// line.
func (a *app) readSymptoms(args []string) (found []*shown, text string, err error) {
	text = strings.Join(args, " ")
	var from io.Reader = strings.NewReader(text)
	folder := ""
	switch info, err := os.Stat(text); {
	case len(args) == 0 || text == "-":
		from = a.stdin
	case err == nil && info.IsDir():
		folder = text
	case err == nil:
		file, err := os.Open(text)
		if err != nil {
			return nil, "", reason(err)
		}
		defer file.Close()
		from = file
	}
	finder := scenario.NewFinder(a.all)
	lines, blank := 0, true
	err = eachLine(from, func(number int, line string) {
		lines = number
		blank = blank && strings.TrimSpace(line) == ""
		text = line
		for _, match := range finder.Why(withNames(line)) {
			i := slices.IndexFunc(found, func(s *shown) bool { return s.Symptom.Cause == match.Symptom.Cause })
			if i < 0 {
				found = append(found, &shown{match, number, line, 0})
			} else {
				found[i].more++
			}
		}
	})
	switch {
	case err != nil:
		return nil, "", err
	case blank:
		return nil, "", errors.New("why has no text; want a line of a log, an error or a symptom")
	case folder != "" && len(found) == 0:
		return nil, "", fmt.Errorf("%s is a folder; want a line of a log, an error, a symptom or a file", folder)
	case lines > 1:
		text = ""
	default:
		for _, s := range found {
			s.line = 0
		}
	}
	return found, text, nil
}

// errorNumber is how logs say an error by its number alone.
var errorNumber = regexp.MustCompile(`(?i)(?:error[_ ]?code|错误[码碼]|错误代码|エラーコード|код ошибки)["']?[ :=：]*(\d{1,3})\b`)

// errorWords are those of which errorNumber has one.
var errorWords = []string{"ode", "ODE", "错误", "エラーコード", "код ошибки"}

// withNames adds to a line the names of the errors that it says by number.
func withNames(line string) string {
	if !strings.ContainsAny(line, "0123456789") || !slices.ContainsFunc(errorWords, func(word string) bool { return strings.Contains(line, word) }) {
		return line // Most are, and the pattern takes its time.
	}
	for _, match := range errorNumber.FindAllStringSubmatch(line, -1) {
		if n, _ := strconv.Atoi(match[1]); n > 0 {
			line += " " + model.Error(n).String()
		}
	}
	return line
}

// why answers.
func (a *app) why(found []*shown, text string, asJSON bool) error {
	var err error
	if asJSON {
		out := whyJSON{header: a.header("why"), Matches: []matchJSON{}}
		for _, m := range found {
			out.Matches = append(out.Matches, matchJSON{m.Scenario.Name, m.Seen.String(), m.line, a.newSymptomJSON(m.Scenario, m.Symptom)})
		}
		err = view.JSON(a.stdout, out)
	} else {
		_, err = io.WriteString(a.stdout, a.whyText(text, found))
	}
	if err == nil && len(found) == 0 {
		return exit(exitVacuous)
	}
	return err
}

// where says in which line of a log a symptom is; empty: there is one line.
func (s *shown) where() string {
	const most = 120
	if s.line == 0 {
		return ""
	}
	text := strings.TrimSpace(s.text)
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "..."
	}
	if s.more > 0 {
		return fmt.Sprintf("line %d, and %d more: %s", s.line, s.more, text)
	}
	return fmt.Sprintf("line %d: %s", s.line, text)
}

// nearest is how many symptoms are listed that share words with a text.
const nearest = 5

func (a *app) whyText(text string, found []*shown) string {
	var b strings.Builder
	for _, m := range found {
		fmt.Fprintf(&b, "%s: %s\n", m.Scenario.Name, m.Scenario.Title)
		for _, part := range [][2]string{
			{"log", m.where()}, {"seen", m.Seen.String()}, {"cause", m.Symptom.Cause}, {"has it", m.Scenario.Has(m.Symptom)},
			{"do", a.inText(m.Symptom.Do)}, {"show", a.printed(m.Symptom.Command)},
		} {
			if part[1] == "" {
				continue
			}
			for i, line := range view.Wrap(part[1], 90) {
				head := part[0]
				if i > 0 {
					head = ""
				}
				fmt.Fprintf(&b, "  %-8s%s\n", head, line)
			}
		}
		b.WriteString("\n")
	}
	if len(found) > 0 {
		return strings.TrimSuffix(b.String(), "\n")
	}
	near := scenario.NewFinder(a.all).Near(text)
	if len(near) == 0 {
		file := ""
		if slices.Contains([]string{".log", ".txt", ".gz", ".out", ".json"}, filepath.Ext(text)) && !strings.Contains(text, " ") {
			file = ", and there is no such file"
		}
		return fmt.Sprintf("nothing that is known fits%s; %s list lists the races\n", file, a.program)
	}
	b.WriteString("nothing that is known fits; these share words with it:\n")
	for _, m := range near[:min(nearest, len(near))] {
		fmt.Fprintf(&b, "  %-27s %s\n", m.Scenario.Name, m.Seen)
	}
	return b.String()
}

// inText is a sentence whose commands name the program as it was called.
func (a *app) inText(text string) string {
	return strings.NewReplacer("`simrun ", "`"+a.program+" ", ": simrun ", ": "+a.program+" ").Replace(text)
}

type whyJSON struct {
	header
	Matches []matchJSON `json:"matches"` // the best first
}

type matchJSON struct {
	Scenario string `json:"scenario"`
	Matched  string `json:"matched"` // which of the texts
	Line     int    `json:"line"`    // of a log, the first that shows it; 0: there is one line
	symptomJSON
}

type symptomJSON struct {
	Seen     []string `json:"seen"`
	Cause    string   `json:"cause"`
	Releases string   `json:"releases"`
	Do       string   `json:"do"`
	Command  string   `json:"command"`
}

func (a *app) newSymptomJSON(race *scenario.Race, s scenario.Symptom) symptomJSON {
	out := symptomJSON{Cause: s.Cause, Releases: race.Has(s), Do: a.inText(s.Do), Command: a.printed(s.Command)}
	for _, seen := range s.Seen {
		out.Seen = append(out.Seen, seen.String())
	}
	return out
}
