package main

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"racelab/sim/view"
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

// What is written can be read on a projector too: in the page, light, dark and on paper,
// each colour of letters stands off each ground by 4.5 to 1, as WCAG 2.1 AA asks for.
func TestContrast(t *testing.T) {
	themes := regexp.MustCompile(`(?s):root[^{]*\{[^}]*--faint[^}]*\}`).FindAllString(view.RunCSS+part("lab.css"), -1)
	if len(themes) != 3 {
		t.Fatalf("there are %d themes, want light, dark and paper", len(themes))
	}
	for _, theme := range themes {
		colour := func(name string) float64 {
			found := regexp.MustCompile(`--` + name + `: #(\w{3,6});`).FindStringSubmatch(theme)
			if found == nil {
				t.Fatalf("there is no colour %s in %s", name, theme)
			}
			return luminance(t, found[1])
		}
		for _, letters := range []string{"ink", "soft", "faint", "accent", "break"} {
			grounds := []string{"bg", "panel", "tint"}
			if letters == "ink" || letters == "break" {
				grounds = append(grounds, "break-tint")
			}
			for _, ground := range grounds {
				a, b := colour(letters)+0.05, colour(ground)+0.05
				if ratio := max(a, b) / min(a, b); ratio < 4.5 {
					t.Errorf("%s on %s: %.2f to 1, want 4.5, in %s", letters, ground, ratio, theme)
				}
			}
		}
	}
}

// luminance is that of a colour, by WCAG 2.1, from 0 to 1.
func luminance(t *testing.T, hex string) float64 {
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	sum := 0.0
	for i, share := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		part := float64(n) / 255
		if part <= 0.04045 {
			part /= 12.92
		} else {
			part = math.Pow((part+0.055)/1.055, 2.4)
		}
		sum += share * part
	}
	return sum
}
