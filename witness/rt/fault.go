package rt

import (
	"slices"
	"strings"
)

// Faults lets so many things go wrong in this run from now on, where Fault asks: of
// those that are named, or of all if none is.
func Faults(n int, of ...string) {
	if current() != nil {
		active.faults, active.faulty = n, of
	}
}

// Fault asks what goes wrong with a thing: one of ways, or "" if nothing does. The
// search chooses, at once: nobody moves in between. The default is that nothing does;
// so it is outside a run, within Calm, and when all has gone wrong that may.
func Fault(what string, ways ...string) string {
	g := current()
	if g == nil || active.killed || active.calm > 0 || active.faults == 0 || len(ways) == 0 ||
		len(active.faulty) > 0 && !slices.Contains(active.faulty, what) {
		return ""
	}
	what = plain.Replace(what)
	f := &fault{what: what, names: []string{"as it should"}}
	for _, way := range ways {
		f.names = append(f.names, plain.Replace(way))
	}
	if !g.at(f) || f.chosen == 0 {
		return ""
	}
	return ways[f.chosen-1]
}

// plain takes out what parts the text of a schedule.
var plain = strings.NewReplacer(";", ",", ":", "", "\n", " ")

// fault is the point before something that may go wrong.
type fault struct {
	what   string
	names  []string // what may happen to it; the first is none
	chosen int
}

func (f *fault) ways() int            { return len(f.names) }
func (f *fault) label(way int) string { return f.names[way] }
func (f *fault) object() *object      { return nil }
func (f *fault) do(_ *goroutine, way int) result {
	if f.chosen = way; way > 0 {
		active.faults--
	}
	return done
}
