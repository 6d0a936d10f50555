package figures

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"racelab/sweeps"
)

var gallery = flag.String("gallery", "", "check: compare the gallery with what the sweeps give, some minutes of work; write: draw it anew")

// shown are the figures that README.md and RACES.md show, by their files' names.
var shown = []string{
	"backoff", "backoff-load", "backoff-retries", "backoff-windows", "backoff-producers", "transaction-pause", "transaction-size", "backoff-measured",
	"ordering-cost", "ordering-cost-keys", "reorder-odds",
}

// Goal: the figures of the texts are what the commands beside them give, to the
// byte, and there are no others.
func TestGallery(t *testing.T) {
	files, err := filepath.Glob("gallery/*.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".png"); !slices.Contains(shown, name) {
			t.Errorf("%s is none of %v", file, shown)
		}
	}
	if *gallery == "" {
		t.Skip("-gallery check compares it")
	}
	for _, s := range sweeps.All() {
		var r *sweeps.Result
		for _, f := range s.Figures {
			name := strings.TrimSuffix(s.Name+"-"+f.Name, "-")
			if !slices.Contains(shown, name) {
				continue
			}
			if r == nil {
				values, err := s.Set(nil)
				if err != nil {
					t.Fatal(err)
				}
				if r, err = s.Run(values, sweeps.Options{Seeds: s.Seeds, Workers: runtime.GOMAXPROCS(0)}); err != nil {
					t.Fatal(err)
				}
			}
			file, picture := filepath.Join("gallery", name+".png"), drawn(t, PNG, r, f)
			if *gallery == "write" {
				if err := os.WriteFile(file, picture, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, picture) {
				t.Errorf("%s is not what simrun sweep %s draws (%v); make gallery draws it anew", file, s.Name, err)
			}
		}
	}
}
