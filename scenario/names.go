package scenario

import (
	"fmt"
	"slices"
	"strings"

	"racelab/sim/explore"
)

// UnknownName is the error of a name that is none: what was wrong, the nearest
// name, and what is possible.
type UnknownName struct {
	Kind     string // "scenario", "variant of offset-rewind"
	Name     string
	Possible []string
}

func (e *UnknownName) Error() string {
	nearest := ""
	if near := e.Nearest(); near != "" {
		nearest = " (nearest: " + near + ")"
	}
	if len(e.Possible) == 0 {
		return fmt.Sprintf("there is no %s %.60q, and no other", e.Kind, e.Name)
	}
	return fmt.Sprintf("there is no %s %.60q%s; possible: %s", e.Kind, e.Name, nearest, strings.Join(e.Possible, ", "))
}

// Nearest is the possible name that takes the fewest edits, or that the name is a
// part of; empty if none is near.
func (e *UnknownName) Nearest() string {
	best, fewest := "", max(1, (len(e.Name)+1)/3)+1
	for _, possible := range e.Possible {
		if n := explore.Distance(e.Name, possible); n < fewest {
			best, fewest = possible, n
		}
	}
	if best == "" && len(e.Name) > 2 {
		if i := slices.IndexFunc(e.Possible, func(p string) bool { return strings.Contains(p, e.Name) }); i >= 0 {
			return e.Possible[i]
		}
	}
	return best
}

// Command is a command of simrun as texts print it, quoted for a shell.
func Command(words ...string) string {
	quoted := []string{"simrun"}
	for _, word := range words {
		if word == "" || strings.ContainsAny(word, " \t\n;'\"\\$`<>|&()*?#~!") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
}
