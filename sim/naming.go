package sim

import (
	"fmt"
	"slices"
)

// Where the words of a record name tasks that are alike, and what it is without names.

// namingForm is how a word names a task.
type namingForm uint8

const (
	byNumber namingForm = iota
	byPlace             // with a flag in its lowest bit
	byObject            // by a thing of its own, with flags far above
	byName              // a text
)

// naming is a word that names a task.
type naming struct {
	word, ref int // where it is; ref: of a text
	form      namingForm
	task      int
}

// anonymous is a record without names.
type anonymous struct {
	hash     uint64
	rest     uint64 // another hash of the same
	mentions []mention
}

// mention is that a task is named somewhere.
type mention struct {
	task int
	hash uint64
}

// names lists the words of a group's record that name tasks which are alike.
func (y *symmetry) names(g *group, words []uint64, refs []any) []naming {
	n := namer{y: y, words: words, refs: refs}
	for i := range g.slots {
		x := &g.slots[i]
		if x.op == special {
			n.special(x.self)
		} else {
			n.slot(x.op, x.elem)
		}
	}
	if g.owner == nil {
		return n.found
	}
	switch y.world.objects[g.owner.number-1].(type) {
	case *Mutex, *RWMutex:
		n.name(naming{form: byNumber, task: int(words[0])})
	case *Cond:
		for i := range words[0] {
			n.name(naming{word: int(i) + 1, form: byNumber, task: int(words[i+1])})
		}
	}
	return n.found
}

// namer reads a record as it was saved.
type namer struct {
	y       *symmetry
	words   []uint64
	refs    []any
	at, ref int // the next
	found   []naming
}

func (n *namer) name(x naming) {
	if x.task > 0 && x.task < len(n.y.class) && n.y.class[x.task] > 0 {
		n.found = append(n.found, x)
	}
}

// place is a word that is a party's place, and a flag.
func (n *namer) place(at int) { n.name(naming{word: at, form: byPlace, task: int(n.words[at] >> 1)}) }

func (n *namer) slot(o op, e *element) {
	switch o {
	case text:
		n.name(naming{word: n.at, ref: n.ref, form: byName, task: n.y.named[n.refs[n.ref].(string)]})
		n.at++
		n.ref++
	case unhashed:
		n.ref++
	case request:
		if n.at++; n.words[n.at-1] > 0 {
			n.place(n.at)
			n.at += 2
			n.ref++
		}
	case list:
		length := int(n.words[n.at])
		if n.at++; e.word {
			n.at += length
			return
		}
		for range length {
			for k := range e.parts {
				n.slot(e.parts[k].op, e.parts[k].elem)
			}
		}
	default:
		n.at++
	}
}

func (n *namer) special(self walks) {
	switch self.(type) {
	case *Task:
		object := n.words[n.at+1] &^ (anyAnswer | aChoice)
		if object < uint64(len(n.y.objects)) {
			n.name(naming{word: n.at + 1, form: byObject, task: n.y.objects[object].task})
		}
		choosing := n.words[n.at+1] == aChoice
		if n.at += 2; choosing {
			n.choice()
		}
	case *Conn:
		n.place(n.at)
		n.at++
	case *envelopes:
		length := n.words[n.at]
		n.at++
		for range length {
			n.place(n.at)
			n.at += 2
			n.ref++
		}
	default: // A process.
		n.at++
	}
}

// choice reads what choice.save has written.
func (n *namer) choice() {
	word := n.words[n.at]
	if n.at++; word>>2&(1<<30-1) > 0 {
		n.at++
		n.ref++
	}
	for range word >> 32 {
		if n.at++; n.words[n.at-1]&1 != 0 {
			n.at++
			n.ref++
		}
	}
}

// anyTask stands in a hash in place of the name of a task.
const anyTask = 0x9e6c63d0876a9a35

// anonymize is what a record is without names.
func (y *symmetry) anonymize(g *group, words []uint64, refs []any) *anonymous {
	own, x := y.groups[g.number], &anonymous{}
	mine := y.class[own.task]
	place := uint64(g.number) << 1
	if mine > 0 {
		place = uint64(mine)<<32 | uint64(own.place)<<1 | 1
	}
	names := y.names(g, words, refs)
	x.hash, x.rest = place, ^place
	for i, word := range words {
		if len(names) > 0 && names[0].word == i {
			n := names[0]
			names = names[1:]
			switch {
			case mine > 0 && n.task != own.task:
				panic(fmt.Sprintf("sim: task %s keeps the name of %s, which is like it: search without symmetry",
					y.world.tasks[own.task-1].name, y.world.tasks[n.task-1].name))
			case mine == 0:
				x.mentions = append(x.mentions, mention{n.task, scramble(mix(mix(anyTask, place), uint64(i)))})
			}
			word = anyTask + uint64(y.class[n.task])<<2 + y.besidesName(n, word)
		}
		x.hash, x.rest = mix(x.hash, word), mix(x.rest, word)
	}
	x.hash, x.rest = scramble(x.hash), scramble(x.rest)
	return x
}

// besidesName is what a word says besides a name.
func (y *symmetry) besidesName(n naming, word uint64) uint64 {
	switch n.form {
	case byPlace:
		return word & 1
	case byObject:
		return word&anyAnswer + uint64(y.objects[word&^anyAnswer].place)<<8
	}
	return 0
}

// renamed is a word that names another task instead.
func (y *symmetry) renamed(n naming, word uint64, task *Task) uint64 {
	switch n.form {
	case byPlace:
		return uint64(task.number)<<1 | word&1
	case byObject:
		place := y.objects[word&^anyAnswer].place
		return word&anyAnswer | uint64(slices.Index(y.objects, ownedBy{task.number, place}))
	case byName:
		return mixString(0, task.name)
	}
	return uint64(task.number)
}

// renames is a record of a group, or of its like, in which two tasks have changed
// names.
func (y *symmetry) renames(r *record, g *group, a, b *Task) *record {
	words, refs := slices.Clone(r.words), slices.Clone(r.refs)
	for _, n := range y.names(g, r.words, r.refs) {
		task := a
		switch n.task {
		case a.number:
			task = b
		case b.number:
		default:
			continue
		}
		if words[n.word] = y.renamed(n, words[n.word], task); n.form == byName {
			refs[n.ref] = task.name
		}
	}
	return y.world.recordOf(g, words, refs)
}
