package sim

import (
	"fmt"
	"strings"
)

// mustBeActor refuses the name of a participant that no schedule could be read
// back with.
func mustBeActor(what, name string) {
	if name == "" || strings.ContainsAny(name, " \t\r\n;#") || strings.Contains(name, "->") {
		panic(fmt.Sprintf("sim: a %s is named %q: a schedule could not be read back; want a name without spaces, ; # and ->", what, name))
	}
}

// mustBeLabel refuses a point or a message of such a name.
func mustBeLabel(what, name string) {
	if name == "" || name != strings.TrimSpace(name) || strings.ContainsAny(name, "\t\r\n;#") || strings.Contains(name, " before ") {
		panic(fmt.Sprintf("sim: a %s is named %q: a schedule could not be read back; want a name without ; and #, and without \"before\" between words", what, name))
	}
}
