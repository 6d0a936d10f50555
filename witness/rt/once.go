package rt

// OnceFunc is sync.OnceFunc.
func OnceFunc(f func()) func() {
	g := OnceValue(func() struct{} { f(); return struct{}{} })
	return func() { g() }
}

// OnceValue is sync.OnceValue.
func OnceValue[T any](f func() T) func() T {
	g := OnceValues(func() (T, struct{}) { return f(), struct{}{} })
	return func() T { v, _ := g(); return v }
}

// OnceValues is sync.OnceValues: a panic of f is raised in every call.
func OnceValues[T, U any](f func() (T, U)) func() (T, U) {
	var (
		once   Once
		fine   bool
		reason any
		t      T
		u      U
	)
	return func() (T, U) {
		once.Do(func() {
			defer func() {
				if fine {
					return
				}
				if reason = recover(); reason != nil {
					panic(reason) // The first call has the stack of f.
				}
			}()
			t, u = f()
			f, fine = nil, true
		})
		if !fine {
			panic(reason)
		}
		return t, u
	}
}
