package sim

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mustBeActor refuses the name of a participant that no schedule could be read
// back with.
func mustBeActor(what, name string) {
	if name == "" || strings.ContainsAny(name, ";#") || strings.ContainsFunc(name, unicode.IsSpace) || strings.ContainsFunc(name, isNoText) || strings.Contains(name, "->") {
		panic(fmt.Sprintf("sim: a %s is named %q: a schedule could not be read back; want a name without spaces, ; # and ->", what, name))
	}
}

// mustBeLabel refuses a point or a message of such a name.
func mustBeLabel(what, name string) {
	if name == "" || name != strings.TrimSpace(name) || strings.ContainsAny(name, "\t\r\n;#") || strings.ContainsFunc(name, isNoText) || strings.Contains(name, " before ") {
		panic(fmt.Sprintf("sim: a %s is named %q: a schedule could not be read back; want a name without ; and #, and without \"before\" between words", what, name))
	}
}

// isNoText is true for what makes ParseSchedule refuse a line.
func isNoText(r rune) bool { return r == utf8.RuneError || r < ' ' && r != '\t' && r != '\r' }
