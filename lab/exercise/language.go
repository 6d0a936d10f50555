package exercise

import (
	"fmt"
	"slices"
	"strings"
)

// kind is the type of a value in a learner's text.
type kind string

const (
	nothing   kind = ""
	number    kind = "int"
	condition kind = "bool"
	failure   kind = "error"
)

// word is what a text may call: "build", "mu.Lock".
type word struct {
	name  string
	args  []kind
	gives kind
	does  string // for the learner
	// waits says that others may run before or within it. A loop without such a
	// word goes nowhere.
	waits bool
}

// signature is the word as the learner sees it: "build() bool".
func (w word) signature() string {
	args := make([]string, len(w.args))
	for i, a := range w.args {
		args[i] = string(a)
	}
	return strings.TrimSpace(w.name + "(" + strings.Join(args, ", ") + ") " + string(w.gives))
}

// language is what a text of an exercise may use besides statements.
type language struct {
	hole   string // the first line of the function: "func commit() {"
	args   []variable
	gives  kind // what the function returns
	words  []word
	values map[string]variable // constants, by name
}

// variable is a name and a kind; of a constant also its value.
type variable struct {
	name  string
	kind  kind
	value int
	does  string // for the learner
}

// op is what an instruction does.
type op uint8

const (
	push     op = iota // n
	load               // the variable n
	store              // the variable n
	call               // the word n
	postpone           // the word n, until the function returns
	drop               // the topmost value
	jump               // to n
	unless             // to n, if the topmost value is false
	binary             // the operator n
	not
	minus
	finish // returns; n: with the topmost value
)

// instruction is one of a compiled text.
type instruction struct {
	op   op
	n    int
	line int
}

// code is a compiled text.
type code struct {
	language *language
	list     []instruction
	locals   int // how many variables it has
}

// does says whether the text calls anything, or loops.
func (c *code) does() bool {
	return slices.ContainsFunc(c.list, func(i instruction) bool { return i.op == call || i.op == postpone || i.op == jump })
}

// SyntaxError is what is wrong with a text, in one line.
type SyntaxError struct {
	Line int // of the text, from 1
	Says string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Says) }
