// Package witness runs Go code as it is under every schedule that a search
// chooses: goroutines, channels, selects, locks, atomics, timers and map order.
//
//	func TestCache(t *testing.T) {
//		witness.Explore(t, func(w *witness.T) {
//			c := NewCache()
//			go c.Get("a")
//			if c.Get("a") == nil {
//				w.Error("lost")
//			}
//		})
//	}
//
//	witness test ./...                 explores the tests that call Explore
//	witness test -all ./...            explores every test, unmodified
//
// The command rewrites a copy of the sources and builds the tests with it. go test
// without it runs the body of Explore once, natively, and says so.
package witness
