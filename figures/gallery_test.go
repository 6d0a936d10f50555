package figures

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"racelab/sweeps"
)

var gallery = flag.String("gallery", "", "check: compare the gallery with what the sweeps give, some minutes of work; write: draw it anew")

// marks is the file of what the gallery was drawn from. A line a sweep: its
// command, and the hash of the numbers it gives with few seeds. A line a figure: the
// hash of what that draws, and the hash of its file.
const marks = "gallery/marks.txt"

// Goal: the gallery was drawn from the numbers that the sweeps give today, the way
// that figures are drawn today. Method: what few seeds give and what that draws is
// as it was when make gallery drew the files. -gallery check draws them all.
func TestGalleryIsFresh(t *testing.T) {
	var is strings.Builder
	for _, s := range sweeps.All() {
		var figures []sweeps.Figure
		for _, f := range s.Figures {
			if slices.Contains(shown, fileOf(s, f)) {
				figures = append(figures, f)
			}
		}
		if figures == nil {
			continue
		}
		r, all := result(t, s), set(t, s)
		var numbers strings.Builder
		if err := r.CSV(&numbers); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&is, "%s (%v) %x\n", s.Command(all.Values, s.Seeds), all.Values, digest([]byte(withoutComments(numbers.String()))))
		for _, f := range figures {
			file, err := os.ReadFile("gallery/" + fileOf(s, f) + ".png")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&is, "%s %x %x\n", fileOf(s, f), digest(drawn(t, PNG, r, f)), digest(file))
		}
	}
	if *gallery == "write" {
		if err := os.WriteFile(marks, []byte(is.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	was := strings.Split(string(kept), "\n")
	for i, line := range strings.Split(is.String(), "\n") {
		if i >= len(was) || line != was[i] {
			t.Fatalf("%s, line %d: it is now\n%s\nso the gallery is stale; make gallery draws it anew", marks, i+1, line)
		}
	}
}

// withoutComments leaves out the lines that begin with #: what they say is no
// number, and what of it a figure shows is in the figure's hash.
func withoutComments(table string) string {
	var b strings.Builder
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func digest(of []byte) []byte {
	sum := sha256.Sum256(of)
	return sum[:8]
}

// fileOf is the name of a figure's file.
func fileOf(s *sweeps.Sweep, f sweeps.Figure) string {
	return strings.TrimSuffix(s.Name+"-"+f.Name, "-")
}

func set(t *testing.T, s *sweeps.Sweep, settings ...string) sweeps.Setup {
	t.Helper()
	values, err := s.Set(settings)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

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
			name := fileOf(s, f)
			if !slices.Contains(shown, name) {
				continue
			}
			if r == nil {
				if r, err = s.Run(set(t, s), sweeps.Options{Seeds: s.Seeds, Workers: runtime.GOMAXPROCS(0)}); err != nil {
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
