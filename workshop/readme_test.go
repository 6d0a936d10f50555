package workshop

import (
	"fmt"
	"os"
	"path/filepath"
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
