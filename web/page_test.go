package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Goal: no text of the page is missing in a language, none is left over, and those
// of a key have the same places to fill in.
func TestTexts(t *testing.T) {
	var texts map[string]map[string]string
	if err := json.Unmarshal([]byte(part("texts.json")), &texts); err != nil {
		t.Fatal(err)
	}
	places := func(text string) []string {
		found := regexp.MustCompile(`\{\w+\}`).FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for key, english := range texts["en"] {
		for language, of := range texts {
			if of[key] == "" {
				t.Errorf("%s has no text for %q", language, key)
			} else if !slices.Equal(places(of[key]), places(english)) {
				t.Errorf("%s: %q has the places %q, and in English %q", language, key, places(of[key]), places(english))
			}
			if len(of) != len(texts["en"]) {
				t.Errorf("%s has %d texts, English %d", language, len(of), len(texts["en"]))
			}
		}
	}
	// A key stands in the code as it is, or before .1, .n and .no, or behind kind.
	code := part("lab.js") + part("lab.html")
	for key := range texts["en"] {
		stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(key, ".1"), ".n"), ".no")
		if !strings.Contains(code, "'"+key+"'") && !strings.Contains(code, `"`+key+`"`) && !strings.Contains(code, "'"+stem+"'") && !strings.HasPrefix(key, "kind.") {
			t.Errorf("nothing shows the text %q", key)
		}
	}
	for _, used := range regexp.MustCompile(`\bt\('([\w.]+)'[,)]|data-t="([\w.]+)"`).FindAllStringSubmatch(code, -1) {
		if key := used[1] + used[2]; texts["en"][key] == "" {
			t.Errorf("the page wants the text %q, and there is none", key)
		}
	}
}
