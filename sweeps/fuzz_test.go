package sweeps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Goal: whatever stands in a journal, it is refused in one line and stays as it is, or
// the sweep comes to its end, and from the journal that it left to the same.
func FuzzJournal(f *testing.F) {
	s := small(nil)
	setup := set(f, s)
	path := filepath.Join(f.TempDir(), "small.journal")
	o := Options{Seeds: 2, Workers: 1, Journal: path}
	table(f, s, o)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(whole))
	f.Add(string(whole[:len(whole)/2]))
	f.Add("{}\n")
	f.Add(strings.SplitAfter(string(whole), "\n")[0] + `{"point":0,"samples":[[1e999]]}` + "\n")
	f.Fuzz(func(t *testing.T, content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := s.Run(setup, o)
		if err != nil {
			if after, _ := os.ReadFile(path); string(after) != content {
				t.Errorf("%q is refused, and is %q then", content, after)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has more than one line: %v", content, err)
			}
			return
		}
		if again := table(t, s, o); again != text(t, r) {
			t.Errorf("%q gives\n%s\nand then\n%s", content, text(t, r), again)
		}
	})
}
