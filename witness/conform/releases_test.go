package conform

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

var others = flag.String("releases", "sarama@v1.61.1 franz-go@v1.22.3", "the releases to build this test with anew; all: one for each change of the models, and some between")

const all = "sarama@v1.43.0 sarama@v1.43.1 sarama@v1.43.2 sarama@v1.43.3 sarama@v1.44.0 sarama@v1.45.2 sarama@v1.46.2 sarama@v1.46.3 sarama@v1.47.0 sarama@v1.48.1 sarama@v1.48.2 " +
	"sarama@v1.49.0 sarama@v1.50.3 sarama@v1.60.0 sarama@v1.60.1 sarama@v1.60.2 sarama@v1.61.0 sarama@v1.61.1 " +
	"franz-go@v1.15.4 franz-go@v1.16.0 franz-go@v1.16.1 franz-go@v1.17.1 franz-go@v1.18.1 franz-go@v1.19.5 franz-go@v1.20.7 franz-go@v1.21.0 franz-go@v1.21.1 franz-go@v1.21.3 franz-go@v1.21.4 franz-go@v1.21.6 franz-go@v1.22.0 franz-go@v1.22.1 franz-go@v1.22.3"

// modules are the clients by their names here.
var modules = map[string]string{"sarama": "github.com/IBM/sarama", "franz-go": "github.com/twmb/franz-go"}

// tests are the names of the tests that drive a client.
var tests = map[string]string{"sarama": "^TestSarama", "franz-go": "^TestKgo"}

// Goal: what the tests of this package say holds for other releases too. Method:
// this test binary, built with each of them.
func TestReleases(t *testing.T) {
	if *built != "" {
		return // This is one of them.
	}
	releases := *others
	if releases == "all" {
		releases = all
	}
	for release := range strings.FieldsSeq(releases) {
		t.Run(release, func(t *testing.T) {
			client, version, _ := strings.Cut(release, "@")
			if modules[client] == "" {
				t.Fatalf("-releases: %s is no release; write sarama@VERSION or franz-go@VERSION", release)
			}
			binary := filepath.Join(t.TempDir(), "conform.test")
			tags := "-tags="
			if client == "franz-go" && semver.Compare(version, "v1.21.0") >= 0 {
				tags += "epochs" // Before, a commit that is stale sends a heartbeat itself.
			}
			if client == "sarama" && semver.Compare(version, "v1.61.0") >= 0 {
				tags += "cooperative" // Before, there is no such strategy, or no session of it.
			}
			// With -trimpath, so that a module is compiled once although its copy is in another folder
			// each time.
			run(t, "go", "test", "-c", "-trimpath", tags, "-mod=mod", "-modfile="+with(t, modules[client], version), "-o", binary, ".")
			run(t, binary, "-test.run="+tests[client], "-built="+release, "-rapid.checks="+flag.Lookup("rapid.checks").Value.String())
		})
	}
}

// with writes a go.mod that has a version of a module, and all else as ours.
func with(t *testing.T, module, version string) string {
	content, err := os.ReadFile("go.mod")
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
	if err := file.AddReplace(module, "", locked(t, module, version), ""); err != nil { // What other modules require may be newer.
		t.Fatal(err)
	}
	if err := file.AddRequire(module, version); err != nil {
		t.Fatal(err)
	}
	if content, err = file.Format(); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("go.sum")
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

// syncImport is an import of package sync, in a list or alone.
var syncImport = regexp.MustCompile(`(?m)^(\t|import )"sync"$`)

// locked copies a module, with the locks of package locks in place of sync's.
func locked(t *testing.T, module, version string) (folder string) {
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(run(t, "go", "mod", "download", "-json", module+"@"+version), &downloaded); err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(t.TempDir(), "locked")
	if err := os.CopyFS(folder, os.DirFS(downloaded.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(folder, func(path string, is fs.DirEntry, err error) error {
		if err != nil || is.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, 0o666); err != nil {
			return err
		}
		return os.WriteFile(path, syncImport.ReplaceAll(content, []byte(`${1}sync "racelab/witness/conform/locks"`)), 0o666)
	}); err != nil {
		t.Fatal(err)
	}
	return folder
}

// run is the output of a command.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	command := exec.Command(name, args...)
	var wrong bytes.Buffer
	command.Stderr = &wrong
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, args[0], err, out, wrong.Bytes())
	}
	return out
}
