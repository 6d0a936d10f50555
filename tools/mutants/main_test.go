package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Goal: every mutant can be planted. Whether the tests notice it is for make
// mutants, which takes minutes.
func TestMutantsCanBePlanted(t *testing.T) {
	for _, m := range mutants {
		source, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), m.old); n != 1 {
			t.Errorf("%s: the text to change stands %d times in %s, want once", m.name, n, m.file)
		}
		if m.old == m.new {
			t.Errorf("%s changes nothing", m.name)
		}
	}
}
