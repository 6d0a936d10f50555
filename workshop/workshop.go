// Package workshop grades the answers in its directories, one an exercise.
package workshop

import (
	"os"
	"path/filepath"
	"testing"

	"racelab/lab/exercise"
)

// Test grades answer.go of the exercise in whose directory the test runs. A text
// that is still the skeleton passes if it fails as the story says; any other text
// has to hold.
func Test(t *testing.T) {
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	e, err := exercise.Find(filepath.Base(directory))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("answer.go")
	if err != nil {
		t.Fatal(err)
	}
	v := e.Grade(string(text))
	switch {
	case v.Hash == e.Hash(e.Skeleton):
		t.Logf("answer.go is still the skeleton:\n%s", v)
		if v.Outcome == exercise.Holds {
			t.Error("the skeleton holds, and should not")
		}
	case v.Outcome != exercise.Holds:
		t.Errorf("\n%s", v)
	default:
		t.Logf("\n%s", v)
	}
}
