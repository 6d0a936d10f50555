package main

import (
	"encoding/json"
	"fmt"
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

// firstLessons are those that the page has in Chinese.
var firstLessons = []string{"0-who-moves-next", "1-the-rewind"}

// table is zh.json: the texts, and the patterns with places in their order.
type table struct {
	texts    map[string]string
	patterns []pattern
	events   map[string]bool // what may stand in a place as it is
}

type pattern struct {
	english string
	regexp  *regexp.Regexp
	places  []string
}

// names are those of tasks, objects and numbers, and what may be called: "G0, G1",
// "read() int, write(int)".
var names = regexp.MustCompile(`^[^ (]+(\([\w, ]*\)( \w+)?)?(, [^ (]+(\([\w, ]*\)( \w+)?)?)*$`)

var placeInText = regexp.MustCompile(`\{\d\}`)

func chineseTable(t *testing.T) *table {
	z := &table{texts: map[string]string{}, events: map[string]bool{}}
	d := json.NewDecoder(strings.NewReader(part("zh.json")))
	var tokens []string
	for {
		token, err := d.Token()
		if token == nil {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(string); ok {
			tokens = append(tokens, text)
		}
	}
	quoted := regexp.MustCompile(`\\\{\d\\\}`)
	for pair := range slices.Chunk(tokens, 2) {
		english, chinese := pair[0], pair[1]
		if chinese == "" {
			t.Errorf("%q has no text", english)
		}
		places := placeInText.FindAllString(english, -1)
		for _, in := range placeInText.FindAllString(chinese, -1) {
			if !slices.Contains(places, in) {
				t.Errorf("%q has no place %s, and its text has", english, in)
			}
		}
		if len(places) == 0 {
			z.texts[english] = chinese
			continue
		}
		z.patterns = append(z.patterns, pattern{english, regexp.MustCompile("^" + quoted.ReplaceAllString(regexp.QuoteMeta(english), "(.+?)") + "$"), places})
	}
	return z
}

// missing is the part of a text that the table does not have; empty: it has all. It
// reads a text as local of lab.js does.
func (z *table) missing(text string) string {
	if z.texts[text] != "" {
		return ""
	}
	for _, p := range z.patterns {
		found := p.regexp.FindStringSubmatch(text)
		if found == nil || p.english == "{0}: {1}" && strings.Contains(found[1], " ") {
			continue
		}
		for i, in := range found[1:] {
			name := z.events[in] || names.MatchString(in) || strings.Contains(p.english, `"`+p.places[i]+`"`)
			if left := z.missing(in); left != "" && !name {
				return left
			}
		}
		return ""
	}
	return text
}

// Goal: who opens the page in Chinese, does lessons 0 and 1 and the exercises that
// belong to them, meets no text of the lab that is English: none of a lesson, a
// scenario, a run, an exercise, a grade, or of what cannot be read.
func TestChinese(t *testing.T) {
	z := chineseTable(t)
	lessons, err := lessonsOf("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lessons {
		translated := slices.ContainsFunc(lessons, func(o lesson) bool { return o.ID == l.ID && o.Language == "zh" })
		if slices.Contains(firstLessons, l.ID) && !translated {
			t.Errorf("lesson %s is not there in Chinese", l.ID)
		}
		if left := z.missing(l.Title); !translated && left != "" {
			t.Errorf("zh.json has no text for the title %q", left)
		}
	}
	for _, text := range z.shownFirst(t) {
		if left := z.missing(text); left != "" {
			t.Errorf("zh.json has no text for %q of %q", left, text)
		}
	}
	for _, format := range complaints(t) {
		i := -1
		english := regexp.MustCompile(`%[sd]`).ReplaceAllStringFunc(format, func(string) string { i++; return fmt.Sprintf("{%d}", i) })
		if z.texts[english] == "" && !slices.ContainsFunc(z.patterns, func(p pattern) bool { return p.english == english }) {
			t.Errorf("zh.json has no text for what the compiler says: %q", english)
		}
	}
}

// complaints are the formats of what cannot be read in a learner's text.
func complaints(t *testing.T) (list []string) {
	for _, file := range []string{"compile.go", "expression.go"} {
		source, err := os.ReadFile("../lab/exercise/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`c\.fail\(.*?, "(.*?)"`).FindAllStringSubmatch(string(source), -1) {
			list = append(list, found[1])
		}
	}
	if len(list) < 20 {
		t.Fatalf("the compiler complains %d times; want what c.fail says", len(list))
	}
	return list
}

// shownFirst are the texts of the lab in lessons 0 and 1, and exercises 01 and 02, and
// what leads to the others.
func (z *table) shownFirst(t *testing.T) []string {
	var list []string
	add := func(texts ...string) {
		for _, text := range texts {
			if text != "" && !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	for _, group := range scenario.Groups() {
		add(string(group))
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
		z.ofRun(t, r, add)
	}
	for _, x := range exercise.All() {
		add(x.Title)
	}
	for _, id := range []string{"01", "02"} {
		x, err := exercise.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		add(x.Story, x.Task, x.Stretch, x.Shipped)
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
			add(headline, strings.TrimSpace(price))
		}
		for _, text := range []string{x.Skeleton, "for true {\n}\n", x.Words[len(x.Words)-2].Name + "\n" + x.Skeleton, "x := "} {
			v := x.Grade(text)
			z.knows(v.Schedule)
			add(v.Means, v.Next)
			if v.Outcome != exercise.Unreadable { // The parser of Go speaks English.
				add(v.Says)
			}
			add(v.Culprit...)
		}
	}
	return list
}

// knows notes the events of a schedule.
func (z *table) knows(schedule string) {
	for step := range strings.SplitSeq(schedule, ";") {
		z.events[strings.TrimSpace(step)] = true
	}
}

// ofRun adds what the shortest run says that breaks a race.
func (z *table) ofRun(t *testing.T, r *scenario.Race, add func(...string)) {
	c, err := r.Case("", "")
	if err != nil {
		t.Fatal(err)
	}
	z.knows(r.Schedule)
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
