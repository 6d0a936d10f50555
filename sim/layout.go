package sim

import (
	"reflect"
	"slices"
	"unsafe"
)

// plan says where the state of a world lies: addresses and widths, grouped by
// the object that they belong to. It is compiled once, when the world starts,
// from the types of what the world was given; saving, loading and hashing run
// through it. See "What is state" in the documentation of the package.
type plan struct {
	groups   []*group
	unmarked []*group // that no step marks, as they are nobody's
	moments  []*group // that change when time passes
	wires    []fixed
	shapes   shapes
	sizes    planSizes // of this plan, before groups without slots were left out
	like     planSizes // of a world that was built alike
	room     []slot    // for the slots of groups, if that is known
}

// planSizes is how large the parts of a plan are.
type planSizes struct {
	slots              []int // of each group
	all, wires, places int   // slots in all groups, wires, and places where a walk has been
}

// group is the part of the state that belongs to one object.
type group struct {
	owner *object // nil: nobody, as several tasks share it and it is no object
	root  int     // index of the root by which it is reached; ofWorld: none
	slots []slot

	number int  // index in the plan
	stale  bool // its record may not hold what is in memory
}

// ofWorld is the root of what the world itself keeps.
const ofWorld = -1

// slot is one address to save and load.
type slot struct {
	at    unsafe.Pointer
	op    op
	elem  *element // of a slice
	self  walks    // of a special
	times bool     // of a special: it holds moments
}

// op is how a slot is saved.
type op uint8

const (
	word8    op = iota // numbers and booleans, by their width
	word16             //
	word32             //
	word64             //
	text               // a string: its hash, and the string by reference
	moment             // a Time: its distance from now
	past               // a Time that counts as now once it has passed: an expired deadline equals one that expires now
	drawn              // of Random: chance has no memory that a crash could take
	request            // an Envelope
	unhashed           // a reference, whose hash stands beside it
	list               // a slice: its length, and its elements
	special            // what walks itself
)

// walks is state of the world itself that no list of addresses describes.
type walks interface{ walk(s *walker) }

// element is what the elements of a slice consist of.
type element struct {
	slice reflect.Type
	size  uintptr
	word  bool // one word each, of 64 bits
	deep  bool // they hold slices
	times bool // they hold moments
	parts []part
}

// part is a slot in an element.
type part struct {
	offset uintptr
	op     op
	elem   *element
}

// fixed is a pointer, an interface, a function or a slice that must not change.
type fixed struct {
	at  unsafe.Pointer
	n   int // words
	was [3]uintptr
}

func (x *fixed) is() (words [3]uintptr) {
	for i := range x.n {
		words[i] = *(*uintptr)(unsafe.Add(x.at, uintptr(i)*unsafe.Sizeof(words[0])))
	}
	return words
}

// typeShape is what a type means to a plan. It is the same in every world.
type typeShape struct {
	typ    reflect.Type
	sort   sort
	op     op // of a leaf
	fields []fieldShape
	elem   *typeShape // of an array, a slice
	plain  bool       // neither objects nor wiring: a slice of these may change
	bad    bool       // it holds what no state can hold
	times  bool       // it holds moments
	parts  *element   // of a slice of plain elements
}

type fieldShape struct {
	shape  *typeShape
	name   string // empty: it is embedded
	offset uintptr
	config bool // tagged: not walked
}

// sort is the sort of a type.
type sort uint8

const (
	aLeaf sort = iota
	anObject
	aStruct
	anArray
	aSlice
	aPointer
	anInterface
	aFunction
	refused
)

// shapes is what the types mean that a world has met.
type shapes struct {
	known map[reflect.Type]*typeShape // since the world began; other worlds read it
	made  map[reflect.Type]*typeShape
	order []*typeShape // those that are being made
}

// isMoment says whether what a slot saves changes when time passes.
func isMoment(x slot) bool {
	return x.times || x.op == moment || x.op == past || x.op == list && x.elem.times
}

// group returns a new group.
func (pl *plan) group(owner *object, root int) *group {
	g := &group{owner: owner, root: root}
	if i := len(pl.groups); i == 0 && pl.like.all > 0 {
		pl.groups, pl.room, pl.wires = make([]*group, 0, len(pl.like.slots)), make([]slot, pl.like.all), make([]fixed, 0, pl.like.wires)
	}
	if i := len(pl.groups); i < len(pl.like.slots) {
		n := pl.like.slots[i]
		g.slots, pl.room = pl.room[:0:n], pl.room[n:]
	}
	pl.groups = append(pl.groups, g)
	return g
}

// add adds a slot.
func (g *group) add(o op, at unsafe.Pointer) { g.slots = append(g.slots, slot{at: at, op: o}) }

// special adds what walks itself, and may hold moments.
func (g *group) special(self walks, times bool) {
	g.slots = append(g.slots, slot{op: special, self: self, times: times})
}

// drawn says whether chance has a part in the state: a delay, or a Random.
func (pl *plan) drawn() bool {
	return slices.ContainsFunc(pl.groups, func(g *group) bool {
		return slices.ContainsFunc(g.slots, func(s slot) bool { return s.op == drawn })
	})
}

// draws adds how much was drawn for a delay: of one that is always the same,
// nothing ever is.
func (g *group) draws(d *Delay, r *Random) {
	if d.shape != constant {
		g.add(drawn, unsafe.Pointer(&r.count))
	}
}
