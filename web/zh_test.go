package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"racelab/lab/exercise"
	"racelab/scenario"
	"racelab/scenarios"
	"racelab/sim"
)

// Goal: who opens the page in Chinese, does lessons 0 and 1 and the exercises that
// belong to them, meets no text of the lab that is English: none of a scenario, of a
// run, of an exercise, of a grade.
func TestChinese(t *testing.T) {
	var chinese map[string]string
	if err := json.Unmarshal([]byte(part("zh.json")), &chinese); err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`\\\{\d\\\}`)
	var patterns []*regexp.Regexp
	for english, text := range chinese {
		if text == "" {
			t.Errorf("%q has no text", english)
		}
		for _, in := range regexp.MustCompile(`\{\d\}`).FindAllString(text, -1) {
			if !strings.Contains(english, in) {
				t.Errorf("%q has no place %s, and its text has", english, in)
			}
		}
		patterns = append(patterns, regexp.MustCompile("^"+place.ReplaceAllString(regexp.QuoteMeta(english), "(.+?)")+"$"))
	}
	for _, text := range shownFirst(t) {
		if !slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.String() != "^(.+?): (.+?)$" && p.MatchString(text) }) {
			t.Errorf("zh.json has no text for %q", text)
		}
	}
}

// shownFirst are the texts of the lab in lessons 0 and 1, and exercises 01 and 02.
func shownFirst(t *testing.T) []string {
	var list []string
	add := func(texts ...string) {
		for _, text := range texts {
			if text != "" && !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	for _, name := range []string{"lost-update", "offset-rewind"} {
		r, err := scenarios.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		add(r.Title, r.Stake, r.Do)
		for _, v := range r.Variants {
			add(v.Release, v.Does)
		}
		for _, c := range r.Claims {
			add(c.Says)
		}
		ofRun(t, r, add)
	}
	for _, id := range []string{"01", "02"} {
		x, err := exercise.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		add(x.Title, x.Story, x.Task, x.Stretch, x.Shipped)
		add(x.Hints[:]...)
		for _, w := range x.Words {
			add(w.Does)
		}
		answers, err := filepath.Glob("../workshop/solutions/" + x.ID + "/*.go")
		if err != nil || len(answers) == 0 {
			t.Fatalf("no answers to %s: %v", x.ID, err)
		}
		for _, file := range answers { // The grades of all of them stand there.
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, grade, _ := strings.Cut(string(content), "// grade: ")
			grade, _, _ = strings.Cut(grade, "\n")
			headline, price, priced := strings.Cut(grade, "worlds. ")
			if priced {
				headline += "worlds."
			}
			// What only some wrong answers say of waits and panics is the model's own.
			if !strings.Contains(headline, "no-deadlock") && !strings.Contains(headline, "no-pro") && !strings.Contains(headline, "no-panic") && !strings.Contains(headline, "UNREADABLE") {
				add(headline, strings.TrimSpace(price))
			}
		}
		v := x.Grade(x.Skeleton)
		add(v.Says, v.Means, v.Next)
		add(v.Culprit...)
	}
	return list
}

// ofRun adds what the shortest run says that breaks a race.
func ofRun(t *testing.T, r *scenario.Race, add func(...string)) {
	c, err := r.Case("", "")
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := sim.ParseSchedule(r.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Watch(sim.NewReplay(schedule))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Broken) == 0 {
		t.Errorf("the schedule of %s breaks nothing", r.Name)
	}
	for _, b := range report.Broken {
		add(b.Err.Error(), b.Means)
	}
	for _, w := range report.Waits {
		add(w.For)
	}
}
