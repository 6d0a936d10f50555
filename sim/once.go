package sim

// Once does something once, for all who ask for it. Whoever asks while it is being
// done waits until that is over. Its zero value is ready.
//
// It is for functions of World.Go. A Program has a Mutex and a flag in its place.
//
// Source: sync.Once.
type Once struct {
	lock Mutex
	did  Atomic[bool]
}

// Do calls f if nobody has called Do before. As in Go, it counts as done if f
// panics.
func (o *Once) Do(t *Task, f func()) {
	if o.did.Load(t) {
		return
	}
	o.lock.Lock(t)
	defer o.lock.Unlock(t)
	if o.did.Load(t) {
		return
	}
	defer o.did.Store(t, true)
	f()
}
