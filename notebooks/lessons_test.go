package notebooks

import (
	"flag"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "store what the cells of the lessons show; read the difference")

// slow is the lesson whose cells measure for most of a minute: -short leaves it out.
const slow = "02-backoff-curve.ipynb"

// Goal: a reader who runs a lesson sees what is stored in it.
func TestLessons(t *testing.T) {
	paths, err := filepath.Glob("*.ipynb")
	if err != nil || paths == nil {
		t.Fatalf("lessons: %v, error: %v", paths, err)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && path == slow {
				t.Skip("it takes most of a minute; make nightly and make lessons run it")
			}
			look := Check
			if *update {
				look = Update
			}
			for _, wrong := range look(path) {
				t.Error(wrong)
			}
		})
	}
}
