package workshop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"racelab/sim/explore"
)

var (
	holdsIn  = regexp.MustCompile(regexp.QuoteMeta(grade) + `HOLDS, in all ([\d,]+) states`)
	statesOf = regexp.MustCompile(`(\d\d) \(([\d,]+)(?: states)?\)`)
)

// Goal: the states of the longest grades that docs/performance.md names, and that of the
// board's line in TEACHING.md, are those of the solutions, which TestSolutions grades.
func TestPublishedGrades(t *testing.T) {
	read := func(file string) string {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	of := func(exercise string) (most int) {
		files, err := filepath.Glob(filepath.Join("solutions", exercise+"-*", "right-*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if found := holdsIn.FindStringSubmatch(read(file)); found != nil {
				n, _ := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
				most = max(most, n)
			}
		}
		return most
	}
	_, row, _ := strings.Cut(read("../docs/performance.md"), "| the longest grades: ")
	row, _, _ = strings.Cut(row, "|")
	named := statesOf.FindAllStringSubmatch(row, -1)
	if len(named) != 4 {
		t.Fatalf("docs/performance.md names %d grades, want 4: %s", len(named), row)
	}
	for _, n := range named {
		if want := explore.Thousands(of(n[1])); n[2] != want {
			t.Errorf("docs/performance.md says that %s has %s states; the solutions say %s", n[1], n[2], want)
		}
	}
	if line := fmt.Sprintf("holds %d ", of("02")); !strings.Contains(read("TEACHING.md"), line) {
		t.Errorf("TEACHING.md has no line of the board with %q", line)
	}
}
