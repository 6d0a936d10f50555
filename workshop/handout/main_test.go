package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Goal: what a class gets has all that its START.txt names, what a teacher keeps has
// all that TEACHING.md links to, and no answer is on the stick.
func TestHandout(t *testing.T) {
	dist := t.TempDir()
	if err := os.WriteFile(filepath.Join(dist, "lab.html"), []byte("the page"), 0o644); err != nil {
		t.Fatal(err)
	}
	built := 0
	err := prepare("../..", dist, func(_, file string) error {
		built++
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, []byte("the command"), 0o755)
	})
	if err != nil || built != len(platforms) {
		t.Fatalf("%d of %d commands were built: %v", built, len(platforms), err)
	}
	there := func(directory, file string) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(dist, directory, filepath.FromSlash(file))); err != nil {
			t.Errorf("%s is named in a text of dist/%s, and is not there: %v", file, directory, err)
		}
	}
	text := func(directory, file string) string {
		content, err := os.ReadFile(filepath.Join(dist, directory, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	there("workshop", "lab.html")
	named := regexp.MustCompile(`bin\S+`).FindAllString(text("workshop", "START.txt"), -1)
	for _, file := range named {
		there("workshop", strings.ReplaceAll(file, `\`, "/"))
	}
	if len(named) != len(platforms) {
		t.Errorf("START.txt names %q; want %d commands", named, len(platforms))
	}
	links := regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(text("teacher", "TEACHING.md"), -1)
	for _, link := range links {
		if !strings.HasPrefix(link[1], "https://") {
			there("teacher", link[1])
		}
	}
	if len(links) == 0 {
		t.Error("TEACHING.md links to no solutions")
	}
	sources, err := zip.OpenReader(filepath.Join(dist, "workshop", "racelab.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer sources.Close()
	lesson := false
	for _, f := range sources.File {
		lesson = lesson || f.Name == "racelab/workshop/lessons/outbox/outbox.go"
		if strings.Contains(f.Name, "/solutions/") {
			t.Errorf("racelab.zip has the answer %s", f.Name)
		}
	}
	if !lesson || !strings.Contains(text("workshop", "START.txt"), "racelab.zip") {
		t.Error("racelab.zip has no model of lesson 6, or START.txt does not name it")
	}
	if answers, _ := filepath.Glob(filepath.Join(dist, "workshop", "*", "*", "right-*")); len(answers) > 0 {
		t.Errorf("the stick has answers: %q", answers)
	}
}
