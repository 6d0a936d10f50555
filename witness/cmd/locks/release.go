package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"

	"racelab/witness/experiment"
)

// module is the path of this module.
const module = "racelab/witness"

// Release is a client library as the module proxy has it.
type Release struct {
	Name    string // "sarama"
	Path    string // of the module
	Version string
	Sum     string // of its content, as go.sum has it
}

// releases lists what the command can look at.
var releases = []Release{
	{"sarama", "github.com/IBM/sarama", "v1.43.2", "h1:HABeEqRUh32z8yzY2hGB/j8mHSzC/HA9zlEjqFNCzSw="},
	{"sarama", "github.com/IBM/sarama", "v1.43.3", "h1:Yj6L2IaNvb2mRBop39N7mmJAHBVY3dTPncr3qGVkxPA="},
	{"sarama", "github.com/IBM/sarama", "v1.48.0", "h1:9LJS0VNeg/boXxT/GLAMDKX6uSQ1mr/5F/j4v9gSeBQ="},
}

func (r Release) String() string { return r.Name + "@" + r.Version }

// findRelease returns the release of a name such as "sarama@v1.43.2".
func findRelease(name string) (Release, error) {
	var names []string
	for _, r := range releases {
		if r.String() == name {
			return r, nil
		}
		names = append(names, r.String())
	}
	return Release{}, fmt.Errorf("no release %.60q; there is %s", name, strings.Join(names, ", "))
}

// Driver is a binary with one release in it.
type Driver struct {
	release Release
	folder  string
}

// build makes the driver of a release in a folder, from the folder of this
// module.
func build(ctx context.Context, r Release, folder string) (*Driver, error) {
	source, err := r.download(ctx)
	if err != nil {
		return nil, err
	}
	d := &Driver{r, folder}
	if err := r.copyTo(source, filepath.Join(folder, r.Name)); err != nil {
		return nil, err
	}
	if err := d.writeModFile(); err != nil {
		return nil, err
	}
	_, err = run(ctx, "go", "test", "-c", "-mod=mod", "-modfile="+filepath.Join(folder, "go.mod"), "-o", d.binary(), "./released")
	return d, err
}

func (d *Driver) binary() string { return filepath.Join(d.folder, "driver.test") }

// download returns the folder of the release in the module cache.
func (r Release) download(ctx context.Context) (string, error) {
	out, err := run(ctx, "go", "mod", "download", "-json", r.Path+"@"+r.Version)
	if err != nil {
		return "", err
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", fmt.Errorf("go mod download of %v: %w", r, err)
	}
	if got.Sum != r.Sum {
		return "", fmt.Errorf("%v has the sum %s, want %s: it is not what was released", r, got.Sum, r.Sum)
	}
	return got.Dir, nil
}

// copyTo copies the Go files of the release, without tests and without modules
// within, and points its import of sync to ours. Nothing else is changed.
func (r Release) copyTo(from, to string) error {
	replaced := 0
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != from {
				return fs.SkipDir
			}
			return os.MkdirAll(target, 0o777)
		}
		if name := d.Name(); name != "go.mod" && !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content, n := ownSync(content)
		replaced += n
		return os.WriteFile(target, content, 0o666)
	})
	if err == nil && replaced == 0 {
		err = fmt.Errorf("no file of %v imports sync: is it laid out in another way?", r)
	}
	return err
}

// importsSync is an import of sync, alone on its line as gofmt has it.
var importsSync = regexp.MustCompile(`(?m)^(import |\t)"sync"$`)

// ownSync points the import of a file, and says how many there were.
func ownSync(source []byte) ([]byte, int) {
	n := len(importsSync.FindAll(source, -1))
	return importsSync.ReplaceAll(source, []byte(`${1}"`+module+`/sync"`)), n
}

// writeModFile writes a go.mod that is ours with the release replaced by its
// copy, and the go.sum beside it.
func (d *Driver) writeModFile() error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	content, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return err
	}
	file.SetRequireSeparateIndirect(requires(file, d.release))
	if err := errors.Join(
		file.AddReplace("racelab", "", filepath.Dir(here), ""),
		file.AddReplace(d.release.Path, "", filepath.Join(d.folder, d.release.Name), ""),
	); err != nil {
		return err
	}
	if content, err = file.Format(); err != nil {
		return err
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(d.folder, "go.mod"), content, 0o666),
		os.WriteFile(filepath.Join(d.folder, "go.sum"), sums, 0o666),
	)
}

// requires lists what we need ourselves, with the release at its version. What
// the release needs follows from its own go.mod.
func requires(file *modfile.File, r Release) []*modfile.Require {
	var direct []*modfile.Require
	for _, require := range file.Require {
		if require.Indirect {
			continue
		}
		if require.Mod.Path == r.Path {
			require.Mod.Version = r.Version
		}
		direct = append(direct, require)
	}
	return direct
}

// ask runs the driver on a question.
func (d *Driver) ask(ctx context.Context, q experiment.Question) (*experiment.Answer, error) {
	asked, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(d.folder, "answer.json")
	if _, err := run(ctx, d.binary(), "-test.run=^TestDriver$", "-test.timeout=0", "-question="+string(asked), "-answer="+file); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	a := &experiment.Answer{}
	if err := json.Unmarshal(content, a); err != nil {
		return nil, fmt.Errorf("the driver of %v: %w", d.release, err)
	}
	if a.Fault != "" {
		return nil, errors.New(a.Fault)
	}
	return a, nil
}

// run runs a program and returns what it wrote.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	var said strings.Builder
	c := exec.CommandContext(ctx, name, args...)
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), args[0], err, out, said.String())
	}
	return out, nil
}
