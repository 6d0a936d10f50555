// Package docs_test runs what the documents show.
package docs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block: a file, or commands with lines of their output.
var block = regexp.MustCompile("(?ms)^```(\\S+)\n(.*?)^```$")

// Goal: each block of the tutorial is true. Method: in a new module, write its
// files and run its commands, one after the other.
func TestYourOwnSystem(t *testing.T) {
	text, err := os.ReadFile("your-own-system.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir, ran := t.TempDir(), 0
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		kind, body := b[1], b[2]
		switch kind {
		case "console":
			run(t, dir, "go mod tidy")
			command, got := "", ""
			for want := range strings.Lines(body) {
				want = strings.TrimSuffix(want, "\n")
				if next, ok := strings.CutPrefix(want, "$ "); ok {
					command, got = next, run(t, dir, next)
					ran++
					continue
				}
				at := strings.Index(got, want)
				if at < 0 {
					t.Fatalf("%s prints\n%s\nwant, after what was found, the line\n%s", command, got, want)
				}
				got = got[at+len(want):]
			}
		default:
			if kind == "go.mod" {
				body = strings.ReplaceAll(body, "../racelab", root)
			}
			path := filepath.Join(dir, kind)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(body), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran != 5 {
		t.Errorf("the tutorial has %d commands, want 5", ran)
	}
}

// run returns what a command prints; that it fails may be what is shown.
func run(t *testing.T, dir, command string) string {
	t.Helper()
	words := strings.Fields(command)
	c := exec.Command(words[0], words[1:]...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}
