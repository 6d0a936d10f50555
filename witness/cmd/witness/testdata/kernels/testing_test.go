package kernels

import (
	"os"
	"testing"
	"testing/synctest"
)

// TestSuite: the two who answer are taken for one.
func TestSuite(t *testing.T) {
	each(t, []string{"a", "b"}, func(s suite) {
		answers := make(chan string, 2)
		for _, name := range []string{"first", "second"} {
			go func() { answers <- name }()
		}
		s.is(<-answers, "first")
	})
}

// TestSuiteFine awaits the answer that it checks. A folder and what cleans up go with the
// sub-test, whoever was told of them.
func TestSuiteFine(t *testing.T) {
	var folders []string
	each(t, []string{"a", "b"}, func(s suite) {
		answers := make(chan string)
		go func() { answers <- s.Name() }()
		s.is(<-answers, s.tb.Name())
		dir := s.tb.TempDir()
		folders = append(folders, dir, s.ArtifactDir())
		s.tb.Cleanup(func() {
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
		})
	})
	for _, dir := range folders {
		if _, err := os.Stat(dir); err == nil {
			t.Error(dir)
		}
	}
}

// TestCleanupFine: the context of a test has ended when it cleans up, in a bubble before
// that is left. Of what cleans up, one that ends the sub-test keeps none from being called.
func TestCleanupFine(t *testing.T) {
	ends := func(t *testing.T) {
		over := make(chan struct{})
		go func() {
			<-t.Context().Done()
			close(over)
		}()
		t.Cleanup(func() { <-over })
	}
	ends(t)
	synctest.Test(t, ends)
	cleaned := false
	t.Run("skips", func(t *testing.T) {
		t.Cleanup(func() { cleaned = true })
		t.Cleanup(func() {
			if t.Context().Err() == nil {
				t.Error("the context of a test that cleans up has not ended")
			}
			t.SkipNow()
		})
	})
	if !cleaned {
		t.Error("one that ends the sub-test kept the next from being called")
	}
}

func both(t *testing.T) (a, b testing.TB) { return t, t }

func all(tbs ...testing.TB) []testing.TB { return tbs }

// TestInterfacesFine: a test is itself whatever it is taken for.
func TestInterfacesFine(t *testing.T) {
	a, b := both(t)
	var v testing.TB = t
	c := make(chan testing.TB, 3)
	c <- t
	select {
	case c <- t:
	default:
	}
	go func(tb testing.TB) { c <- tb }(t)
	p := new(testing.TB)
	*p = t
	of := map[testing.TB]testing.TB{t: t}
	of[*p] = *p
	f := func() testing.TB { return t }
	tbs := append([]testing.TB{t, a, b, v, *p, f(), testing.TB(t), <-c, <-c, <-c, of[t], [...]testing.TB{1: t}[1]}, t)
	for i, tb := range append(tbs, all(t, t)...) {
		_, is := tb.(*testing.T)
		switch tb := tb.(type) {
		case *testing.T:
		default:
			tb.Error(i)
		}
		if tb.Name() != "TestInterfacesFine" || tb != t || t != tb || !is || len(of) != 1 {
			t.Error(i, tb.Name(), tb != t, t != tb, is, len(of))
		}
	}
}
