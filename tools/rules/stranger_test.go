package rules

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Goal: a module of somebody else is held to the rules, on package sim as it
// is. Method: go vet finds the lines that say they are wrong, and no other.
func TestStranger(t *testing.T) {
	const stranger = "testdata/stranger"
	var want []string
	files, err := filepath.Glob(stranger + "/*.go")
	if err != nil || files == nil {
		t.Fatalf("the stranger's files: %v, error: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasSuffix(line, "// wrong") {
				want = append(want, fmt.Sprintf("%s:%d", filepath.Base(file), i+1))
			}
		}
	}
	tool := filepath.Join(t.TempDir(), "racevet")
	if output, err := exec.Command("go", "build", "-o", tool, "racelab/tools/racevet").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	output, err := exec.Command("go", "-C", stranger, "vet", "-vettool="+tool, "./...").CombinedOutput()
	if err == nil {
		t.Error("go vet ends with 0, and there is something to find")
	}
	got := regexp.MustCompile(`(?m)^\w+\.go:\d+`).FindAllString(string(output), -1)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("go vet finds\n%v, want\n%v; it says\n%s", got, want, output)
	}
}
