package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// whole is a scenario under the check that it lacks nothing. Claims and settings stand in
// it without their types: the compiler makes what is generic anew for each scenario.
type whole struct {
	scenario         string
	claims, settings []mention
	names            []string // with what they are names of
}

// mention is a claim or a setting that a scenario speaks of.
type mention struct {
	is   any // the pointer; nil: it is nil
	name string
}

func mentionClaims[S any](claims []*Claim[S]) []mention {
	list := make([]mention, len(claims))
	for i, c := range claims {
		if c != nil {
			list[i] = mention{c, c.Name}
		}
	}
	return list
}

func mentionSettings[S any](settings []*Setting[S]) []mention {
	list := make([]mention, len(settings))
	for i, s := range settings {
		if s != nil {
			list[i] = mention{s, s.Name}
		}
	}
	return list
}

func (w *whole) fail(format string, args ...any) {
	panic(fault("%s: %s", w.scenario, fmt.Sprintf(format, args...)))
}

// begins refuses what nothing could be said of.
func (w *whole) begins(builds bool) {
	mustBeWord("scenario", w.scenario)
	isNil := func(m mention) bool { return m.is == nil }
	switch {
	case !builds:
		w.fail("Build is nil")
	case slices.ContainsFunc(w.claims, isNil):
		w.fail("Claims has a nil")
	case slices.ContainsFunc(w.settings, isNil):
		w.fail("Settings has a nil")
	}
	for _, c := range w.claims {
		w.names = append(w.names, "claim "+c.name)
	}
}

// ofClaims and ofSettings refuse those that the scenario does not list.
func (w *whole) ofClaims(who string, claims []mention) {
	for _, c := range claims {
		if !slices.Contains(builtIns, c.name) {
			w.speaks(who, "claim", c, w.claims, "Claims")
		}
	}
}

func (w *whole) ofSettings(who string, settings []mention) {
	for _, s := range settings {
		w.speaks(who, "setting", s, w.settings, "Settings")
	}
}

func (w *whole) speaks(who, kind string, of mention, listed []mention, list string) {
	switch {
	case of.is == nil:
		w.fail("%s speaks of a %s that is nil", who, kind)
	case !slices.Contains(listed, of):
		w.fail("%s speaks of the %s %q, which %s does not list", who, kind, of.name, list)
	}
}

// named notes the name of a variant or a setting.
func (w *whole) named(kind, name string) {
	mustBeWord(kind+" of "+w.scenario, name)
	w.names = append(w.names, kind+" "+name)
}

// inRange refuses a setting with a value that its parameter does not take.
func (w *whole) inRange(setting string, flags *Flags) {
	if wrong := flags.outOfRange(); wrong != nil {
		w.fail("the setting %s has %s=%s, which is out of range; want %v", setting, wrong.Name, wrong.text(), wrong.Takes)
	}
}

// ends refuses two of a name.
func (w *whole) ends(parameters *Flags) {
	for _, parameter := range parameters.list {
		w.names = append(w.names, "parameter "+parameter.Name)
	}
	slices.Sort(w.names)
	for i := range w.names[1:] {
		if w.names[i] == w.names[i+1] {
			w.fail("there are two of %s", w.names[i])
		}
	}
}

// mustBeWord panics if a name could not stand in NAME/VARIANT@SETTING.
func mustBeWord(what, name string) {
	if name == "" || strings.ContainsAny(name, "/@= \t\r\n") {
		panic(fault("a %s is named %q; want a name without spaces, / @ and =", what, name))
	}
}
