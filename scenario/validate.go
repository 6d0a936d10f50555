package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// validator refuses a scenario that contradicts itself. Claims and settings stand in
// it without their types: the compiler makes what is generic anew for each scenario.
type validator struct {
	scenario         string
	claims, settings []ref
	names            []string // with what they are names of
}

// ref is a claim or a setting that a scenario speaks of.
type ref struct {
	to   any // the pointer; nil: it is nil
	name string
}

func claimRefs[S any](claims []*Claim[S]) []ref {
	list := make([]ref, len(claims))
	for i, c := range claims {
		if c != nil {
			list[i] = ref{c, c.Name}
		}
	}
	return list
}

func settingRefs[S any](settings []*Setting[S]) []ref {
	list := make([]ref, len(settings))
	for i, s := range settings {
		if s != nil {
			list[i] = ref{s, s.Name}
		}
	}
	return list
}

func (v *validator) fail(format string, args ...any) {
	panic(fault("%s: %s", v.scenario, fmt.Sprintf(format, args...)))
}

// hasWhatItNeeds refuses a scenario without a name or Build, or with a nil claim or setting.
func (v *validator) hasWhatItNeeds(builds bool) {
	mustBeWord("scenario", v.scenario)
	isNil := func(r ref) bool { return r.to == nil }
	switch {
	case !builds:
		v.fail("Build is nil")
	case slices.ContainsFunc(v.claims, isNil):
		v.fail("Claims has a nil")
	case slices.ContainsFunc(v.settings, isNil):
		v.fail("Settings has a nil")
	}
	for _, c := range v.claims {
		v.names = append(v.names, "claim "+c.name)
	}
}

// claimsAreListed and settingsAreListed refuse those that the scenario does not list.
func (v *validator) claimsAreListed(who string, claims []ref) {
	for _, c := range claims {
		if !slices.Contains(builtIns, c.name) {
			v.isListed(who, "claim", c, v.claims, "Claims")
		}
	}
}

func (v *validator) settingsAreListed(who string, settings []ref) {
	for _, s := range settings {
		v.isListed(who, "setting", s, v.settings, "Settings")
	}
}

func (v *validator) isListed(who, kind string, of ref, listed []ref, list string) {
	switch {
	case of.to == nil:
		v.fail("%s speaks of a %s that is nil", who, kind)
	case !slices.Contains(listed, of):
		v.fail("%s speaks of the %s %q, which %s does not list", who, kind, of.name, list)
	}
}

// addName notes the name of a variant or a setting.
func (v *validator) addName(kind, name string) {
	mustBeWord(kind+" of "+v.scenario, name)
	v.names = append(v.names, kind+" "+name)
}

// inRange refuses a setting with a value that its parameter does not take.
func (v *validator) inRange(setting string, flags *Flags) {
	if wrong := flags.outOfRange(); wrong != nil {
		v.fail("the setting %s has %s=%s, which is out of range; want %v", setting, wrong.Name, wrong.text(), wrong.Takes)
	}
}

// namesAreUnique refuses two of a name.
func (v *validator) namesAreUnique(parameters *Flags) {
	for _, parameter := range parameters.list {
		v.names = append(v.names, "parameter "+parameter.Name)
	}
	slices.Sort(v.names)
	for i := range v.names[1:] {
		if v.names[i] == v.names[i+1] {
			v.fail("there are two of %s", v.names[i])
		}
	}
}

// mustBeWord panics if a name could not stand in NAME/VARIANT@SETTING.
func mustBeWord(what, name string) {
	if name == "" || strings.ContainsAny(name, "/@= \t\r\n") {
		panic(fault("a %s is named %q; want a name without spaces, / @ and =", what, name))
	}
}
