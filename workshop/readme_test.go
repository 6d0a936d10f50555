package workshop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"racelab/lab/exercise"
)

// TestReadmes compares the README of each exercise, and the table of all, with what
// package exercise says.
func TestReadmes(t *testing.T) {
	table := ""
	for _, e := range exercise.All() {
		compare(t, filepath.Join(e.ID, "README.md"), e.Readme())
		table += fmt.Sprintf("| [%s](%s/README.md) | %d | %s |\n", e.ID, e.ID, e.Minutes, e.Title)
	}
	const begin, end = "<!-- exercises -->\n", "<!-- end -->\n"
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md has no table between %q and %q", begin, end)
	}
	compare(t, "README.md", before+begin+"| exercise | min | |\n|---|---|---|\n"+table+end+after)
}

// TestReadmeExplainsEachGrade: each grade of a solution has a row in README.md's table of
// grades, and each row is the closest of some grade: that with the longest beginning.
func TestReadmeExplainsEachGrade(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "| the grade begins with |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]*regexp.Regexp{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(.*?)`").FindAllStringSubmatch(table, -1) {
		rows[row[1]] = regexp.MustCompile("^" + strings.NewReplacer(`\.\.\.`, ".+", " N", ` [\d,]+`).Replace(regexp.QuoteMeta(row[1])))
	}
	used := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("solutions", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(string(content), grade)
		got, _, _ = strings.Cut(got, "\n")
		closest := ""
		for row, begins := range rows {
			if begins.MatchString(got) && len(row) > len(closest) {
				closest = row
			}
		}
		if closest == "" {
			t.Errorf("README.md does not say what the grade of %s means: %s", file, got)
		}
		used[closest] = true
	}
	for row := range rows {
		if !used[row] {
			t.Errorf("README.md explains %q, and no solution is graded so", row)
		}
	}
}

func compare(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	switch {
	case string(got) == want:
	case *rewrite:
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what package exercise says: go test ./workshop -rewrite", file)
	}
}
