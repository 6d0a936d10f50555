package conform

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

var others = flag.String("releases", "v1.61.1", "the releases of Sarama to build this test with anew; all: one for each change of its models")

const all = "v1.43.1 v1.43.2 v1.43.3 v1.45.2 v1.46.3 v1.47.0 v1.48.1 v1.48.2 v1.49.0 v1.50.3 v1.60.1 v1.60.2 v1.61.0 v1.61.1"

// Goal: what the tests of this package say holds for other releases too. Method:
// this test binary, built with each of them.
func TestReleases(t *testing.T) {
	if *built != "" {
		return // This is one of them.
	}
	versions := *others
	if versions == "all" {
		versions = all
	}
	for version := range strings.FieldsSeq(versions) {
		t.Run(version, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "conform.test")
			run(t, "go", "test", "-c", "-mod=mod", "-modfile="+with(t, version), "-o", binary, ".")
			run(t, binary, "-built="+version, "-rapid.checks="+flag.Lookup("rapid.checks").Value.String())
		})
	}
}

// with writes a go.mod that has a version of Sarama, and all else as ours.
func with(t *testing.T, version string) string {
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	lab, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := file.AddReplace("racelab", "", lab, ""); err != nil {
		t.Fatal(err)
	}
	if err := file.AddRequire(saramaPath, version); err != nil {
		t.Fatal(err)
	}
	if content, err = file.Format(); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, content := range map[string][]byte{"go.mod": content, "go.sum": sums} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "go.mod")
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, args[0], err, out)
	}
}
