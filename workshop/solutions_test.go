package workshop

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"racelab/lab/exercise"
)

var rewrite = flag.Bool("rewrite", false, "write the verdicts into the solutions, and the READMEs, anew")

// grade is the line of a solution that has its verdict.
const grade = "// grade: "

// TestSolutions grades each right answer, each wrong one and each cheat, and
// compares the verdict with the one that stands in its file.
func TestSolutions(t *testing.T) {
	for _, e := range exercise.All() {
		files, err := filepath.Glob(filepath.Join("solutions", e.ID, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]bool{}
		for _, file := range files {
			kind, _, _ := strings.Cut(filepath.Base(file), "-")
			kinds[kind] = true
			t.Run(filepath.ToSlash(file), func(t *testing.T) { testSolution(t, e, file, kind) })
		}
		for _, kind := range []string{"right", "wrong", "cheat"} {
			if !kinds[kind] {
				t.Errorf("exercise %s has no answer %s-NAME.go", e.ID, kind)
			}
		}
	}
}

func testSolution(t *testing.T, e *exercise.Exercise, file, kind string) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := e.Grade(string(content))
	got := v.Headline()
	if v.Price != nil {
		got += " " + v.Price.Says
	}
	if right := v.Outcome == exercise.Holds; right != (kind == "right") {
		t.Errorf("a %s answer: %s", kind, v)
	}
	before, line, ok := strings.Cut(string(content), grade)
	if !ok {
		t.Fatalf("there is no line %q", grade)
	}
	want, after, _ := strings.Cut(line, "\n")
	if got == want {
		return
	}
	if !*rewrite {
		t.Errorf("the grade is\n%s\nand the file says\n%s", got, want)
		return
	}
	if err := os.WriteFile(file, []byte(before+grade+got+"\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
