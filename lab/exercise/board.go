package exercise

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Entry is a grade on the class's board.
type Entry struct {
	ID      string
	Hash    string // of the text: who has the same has written the same
	Outcome Outcome
	What    string // the property that breaks, or the milliseconds of the price; empty: neither
	States  int
}

// boardMark begins each line of a board, so that it is found in a chat.
const boardMark = "racelab"

// Entry is the grade for the board.
func (v *Verdict) Entry() Entry {
	e := Entry{ID: v.ID, Hash: v.Hash, Outcome: v.Outcome, What: v.Property, States: v.States}
	if v.Outcome == Holds && v.Price != nil {
		e.What = strconv.FormatFloat(v.Price.Milliseconds, 'f', -1, 64) + "ms"
	}
	return e
}

// String is the line to be copied.
func (e Entry) String() string {
	return strings.Join([]string{boardMark, e.ID, e.Hash, string(e.Outcome), strconv.Itoa(e.States), cmp.Or(e.What, "-")}, " ")
}

// ParseEntry reads a line. The error says what is wrong with it. What follows a # is
// left out: the page puts the text there.
func ParseEntry(line string) (Entry, error) {
	grade, _, _ := strings.Cut(line, " # ")
	words := strings.Fields(grade)
	if len(words) != 6 || words[0] != boardMark {
		return Entry{}, fmt.Errorf("%q is no grade; want %s EXERCISE HASH OUTCOME STATES WHAT", line, boardMark)
	}
	if _, err := Find(words[1]); err != nil {
		return Entry{}, err
	}
	states, err := strconv.Atoi(words[4])
	if err != nil || states < 0 {
		return Entry{}, fmt.Errorf("%q has %q states; want a number", line, words[4])
	}
	e := Entry{words[1], words[2], Outcome(words[3]), words[5], states}
	if e.What == "-" {
		e.What = ""
	}
	if !slices.Contains([]Outcome{Holds, Broken, Deadlock, Cheat, Vacuous, Unreadable, Unfinished, Fault}, e.Outcome) {
		return Entry{}, fmt.Errorf("%q has the outcome %q, which there is not", line, words[3])
	}
	return e, nil
}

// Board says of each exercise how many hold, and which answers the rest has chosen:
// the commonest first. What is no line of a board is left out.
func Board(text string) string {
	type answer struct {
		Entry
		n int
	}
	var answers []answer
	for line := range strings.Lines(text) {
		at := strings.Index(line, boardMark+" ")
		if at < 0 {
			continue
		}
		e, err := ParseEntry(strings.TrimSpace(line[at:]))
		if err != nil {
			continue
		}
		if i := slices.IndexFunc(answers, func(a answer) bool { return a.Entry == e }); i >= 0 {
			answers[i].n++
		} else {
			answers = append(answers, answer{e, 1})
		}
	}
	slices.SortStableFunc(answers, func(a, b answer) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(b.n, a.n), cmp.Compare(a.Hash, b.Hash))
	})
	var b strings.Builder
	last := ""
	for _, a := range answers {
		if a.ID != last {
			grades, right := 0, 0
			for _, other := range answers {
				if other.ID == a.ID {
					grades += other.n
					if other.Outcome == Holds {
						right += other.n
					}
				}
			}
			fmt.Fprintf(&b, "%s: %d of %d hold\n", a.ID, right, grades)
			last = a.ID
		}
		fmt.Fprintf(&b, "  %3d  %-10s %s  %s\n", a.n, a.Outcome, a.Hash, a.What)
	}
	return b.String()
}
