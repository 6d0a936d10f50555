package sim

// What is known of accesses to variables, and of what comes before what.

// vector is a clock: by thread, how much of it comes before.
type vector []uint32

func (v vector) join(other vector) {
	for i, n := range other {
		v[i] = max(v[i], n)
	}
}

// variable is what is known of the accesses to a Var: the last write, and the
// last read of each task.
type variable struct {
	write accessed
	reads []accessed // by thread
	raced bool       // in this run: what follows a race is not reported
}

// accessed is an access, and how far its thread was. The zero value is none.
type accessed struct {
	thread int
	at     uint32
	step   int
	point  string
}

// each visits the accesses.
func (v *variable) each(visit func(a *accessed, write bool)) {
	visit(&v.write, true)
	for i := range v.reads {
		visit(&v.reads[i], false)
	}
}

// order is what comes before what in a saved state. It never changes.
type order struct {
	hash  uint64
	steps int
	words []uint16   // how many of each thread's accesses come before each of the others
	vars  []accessed // that can still race, in the order of the walk through words
}

// accessOrder is the accesses of each thread that can still race.
type accessOrder struct {
	epochs [][]uint32 // by thread: when they were, in its own time, rising
	put    bool       // the clocks are made from words, and not words from the clocks
	order
	at, access int // put: the next of words and vars
	ranks      []uint32
}

// firsts are n times of accesses of which only the order is known.
func (x *accessOrder) firsts(n int) []uint32 {
	for len(x.ranks) < n {
		x.ranks = append(x.ranks, uint32(len(x.ranks))+1)
	}
	return x.ranks[:n]
}

// number writes the next number, or reads it.
func (x *accessOrder) number(n uint16) uint16 {
	if !x.put {
		x.words = append(x.words, n)
		return n
	}
	x.at++
	return x.words[x.at-1]
}

// before is how many of a thread's accesses come before a moment of its time.
func (x *accessOrder) before(thread int, at uint32) uint16 {
	n := uint16(0)
	for _, epoch := range x.epochs[thread] {
		if epoch <= at {
			n++
		}
	}
	return n
}

// clock is a clock; of one of a thread, what it did itself is known.
func (x *accessOrder) clock(v *vector, own int) {
	for thread, epochs := range x.epochs {
		if len(epochs) == 0 || thread == own {
			continue
		}
		n := uint16(0)
		if !x.put && *v != nil {
			n = x.before(thread, (*v)[thread])
		}
		if n = x.number(n); x.put && n > 0 {
			if *v == nil {
				*v = make(vector, len(x.epochs))
			}
			(*v)[thread] = uint32(n)
		}
	}
}

// accessed is an access to a variable.
func (x *accessOrder) accessed(a *accessed, _ bool) {
	if x.put {
		*a = accessed{}
		if thread := x.number(0); thread > 0 {
			*a = x.vars[x.access]
			x.access++
			a.at = uint32(x.number(0))
		}
		return
	}
	if a.at == 0 {
		x.number(0)
		return
	}
	x.number(uint16(a.thread) + 1)
	x.vars = append(x.vars, *a)
	x.number(x.before(a.thread, a.at))
}
