package workshop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is one of a lesson, with lines that it prints, in this order.
type command struct {
	text  string
	lines []string
}

// commandsOf reads the blocks ```console of a lesson.
func commandsOf(text string) []command {
	var list []command
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch shell, isCommand := strings.CutPrefix(line, "$ "); {
		case line == "```console":
			inside = true
		case line == "```":
			inside = false
		case inside && isCommand:
			list = append(list, command{text: shell})
		case inside:
			last := &list[len(list)-1]
			last.lines = append(last.lines, strings.TrimSpace(line))
		}
	}
	return list
}

func lessons(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("lessons", "*.md"))
	if err != nil || len(files) != 9 {
		t.Fatalf("there are %d lessons, want 7 and two translations (%v)", len(files), err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestLessonsRun runs each command of the lessons, once, and looks for the lines that
// stand below it.
func TestLessonsRun(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "../cmd/simrun")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	outputs := map[string]string{}
	for _, file := range lessons(t) {
		for _, c := range commandsOf(read(t, file)) {
			out, known := outputs[c.text]
			if !known {
				run := exec.Command("sh", "-c", c.text)
				run.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
				text, err := run.Output() // What breaks is the point: the exit code says so.
				if _, exited := err.(*exec.ExitError); err != nil && !exited {
					t.Fatal(err)
				}
				out = string(text)
				outputs[c.text] = out
			}
			at := 0
			for _, line := range c.lines {
				i := strings.Index(out[at:], line)
				if i < 0 {
					t.Errorf("%s: %s prints no line (here) with\n%s\nbut\n%s", file, c.text, line, out)
					break
				}
				at += i + len(line)
			}
		}
	}
}

// TestTranslations holds that a translated lesson runs what its original runs.
func TestTranslations(t *testing.T) {
	for _, file := range lessons(t) {
		original, ok := strings.CutSuffix(file, ".zh.md")
		if !ok {
			continue
		}
		same := func(a, b command) bool { return a.text == b.text && slices.Equal(a.lines, b.lines) }
		if want, got := commandsOf(read(t, original+".md")), commandsOf(read(t, file)); !slices.EqualFunc(got, want, same) {
			t.Errorf("%s runs %v, and its original %v", file, got, want)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)

// TestLinks holds that what the texts link to is there, and that lesson 6 shows its
// model as it is.
func TestLinks(t *testing.T) {
	files := append(lessons(t), "README.md", "TEACHING.md")
	for _, file := range files {
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
	model := read(t, filepath.Join("lessons", "outbox", "outbox.go"))
	if !strings.Contains(read(t, filepath.Join("lessons", "6-your-own-system.md")), "```go\n"+model+"```\n") {
		t.Error("lesson 6 does not show outbox.go as it is")
	}
}
