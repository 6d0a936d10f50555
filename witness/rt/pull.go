package rt

import "iter"

// Pull is iter.Pull. What pulls and what yields take turns, so to a run they are one
// goroutine: that of who calls next.
func Pull[V any](seq iter.Seq[V]) (next func() (V, bool), stop func()) {
	var p puller
	n, s := iter.Pull(func(yield func(V) bool) { p.starts(); seq(yield) })
	return func() (V, bool) { defer p.enters()(); return n() }, func() { defer p.enters()(); s() }
}

// Pull2 is iter.Pull2.
func Pull2[K, V any](seq iter.Seq2[K, V]) (next func() (K, V, bool), stop func()) {
	var p puller
	n, s := iter.Pull2(func(yield func(K, V) bool) { p.starts(); seq(yield) })
	return func() (K, V, bool) { defer p.enters()(); return n() }, func() { defer p.enters()(); s() }
}

// puller is the goroutine of Go's that a sequence yields in.
type puller struct {
	self uintptr
	by   *goroutine // who called next; nil: nobody of a run
}

func (p *puller) starts() {
	if p.self = self(); p.by != nil {
		p.by.self = p.self
	}
}

// enters lets the caller go on in the sequence, until leave is called.
func (p *puller) enters() (leave func()) {
	g := current()
	if p.by = g; g == nil {
		return func() {}
	}
	before := g.self
	if p.self != 0 {
		g.self = p.self
	}
	return func() { g.self = before }
}
