package build

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"racelab/witness/internal/names"
)

// Client is a client library with experiments.
type Client struct {
	Name    string // "sarama"
	Path    string // of its module
	Package string // its folder below experiments
	// Former is the path of the module before version Since.
	Former, Since string
	// Before a version, the broker is an older kfake: that of go.mod needs a newer client.
	Before, Broker string
	// From is the first version that can be asked, and Why says why. Empty: any can.
	From, Why string
}

// Clients lists those that there are experiments for.
var Clients = []Client{
	{Name: "sarama", Path: "github.com/IBM/sarama", Package: "sarama", Former: "github.com/Shopify/sarama", Since: "v1.39.0"},
	{Name: "franz-go", Path: "github.com/twmb/franz-go", Package: "franzgo", Before: "v1.22.0", Broker: "v0.0.0-20251115002817-3affad808a82",
		From: "v1.19.0", Why: "each kfake that can listen in memory uses kgo.DefaultDecompressor"},
	{Name: "kafka-go", Path: "github.com/segmentio/kafka-go", Package: "kafkago"},
}

// FindClient returns a client and a version by a text such as "sarama@v1.43.2".
func FindClient(text string) (Client, string, error) {
	name, version, ok := strings.Cut(text, "@")
	var all []string
	for _, c := range Clients {
		if c.Name == name {
			if !ok || !semver.IsValid(version) {
				return c, "", fmt.Errorf("%.60q names no release; want such as %s@v1.43.2", text, name)
			}
			return c, version, nil
		}
		all = append(all, c.Name)
	}
	return Client{}, "", fmt.Errorf("no experiments for %.60q; there are some for %s", name, strings.Join(all, ", "))
}

// experiments is the folder of the experiments' module.
func experiments() string { return filepath.Join(source(), "experiments") }

// Experiment is what a client is asked.
type Experiment struct {
	Name string // as the command takes it
	// Race names what the lab's model says of the same: a race, its property and its
	// setting, and a variant where that is not the one that stands for the release. It
	// is what the doc comment has after "Race: ".
	Race string
	// Steps names what stands in the release for a lane or a step of the race's model:
	// of "G0", a goroutine; of "snapshot", what it does. It is what the doc comment has
	// after "Lane NAME: " and "Step NAME: ".
	Steps map[string]string
	// Since is the first version that can be asked, and Why says why: of "Since: v1.22.0,
	// the broker of older ones has no transactions". Empty: any can.
	Since, Why string
	// Runs is how many schedules a table counts, of "Runs: 600, ...". 0: as many as it is
	// asked for.
	Runs int
}

// Cannot says why a version cannot be asked; empty: it can.
func (c Client) Cannot(version string, e Experiment) string {
	switch {
	case c.From != "" && semver.Compare(version, c.From) < 0:
		return c.Name + " can be asked from " + strings.TrimPrefix(c.From, "v") + " on: " + c.Why
	case e.Since != "" && semver.Compare(version, e.Since) < 0:
		return e.Name + " needs " + strings.TrimPrefix(e.Since, "v") + ": " + e.Why
	}
	return ""
}

var (
	runsLine  = regexp.MustCompile(`(?m)^// Runs: ([0-9]+), .+$`)
	sinceLine = regexp.MustCompile(`(?m)^// Since: (v[0-9.]+), (.+)$`)
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	raceLine  = regexp.MustCompile(`(?m)^// Race: (.+)$`)
)

// Experiments lists those of a client by name.
func (c Client) Experiments() ([]Experiment, error) {
	files, err := filepath.Glob(filepath.Join(experiments(), c.Package, "*_test.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no experiments at %s", filepath.Join(experiments(), c.Package))
	}
	var all []Experiment
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, at := range testFunc.FindAllSubmatchIndex(content, -1) {
			e := Experiment{Name: names.Experiment(string(content[at[2]:at[3]]))}
			if m := raceLine.FindSubmatch(comment.Find(content[:at[0]])); m != nil {
				e.Race = string(m[1])
			}
			e.Steps = stepsAbove(content[:at[0]])
			if m := sinceLine.FindSubmatch(comment.Find(content[:at[0]])); m != nil {
				e.Since, e.Why = string(m[1]), string(m[2])
			}
			if m := runsLine.FindSubmatch(comment.Find(content[:at[0]])); m != nil {
				if e.Runs, err = strconv.Atoi(string(m[1])); err != nil {
					return nil, fmt.Errorf("%s: %w", file, err)
				}
			}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y Experiment) int { return strings.Compare(x.Name, y.Name) })
	return all, nil
}

// Prepare makes a copy of the experiments' module that requires a release, if there
// is none yet, and returns its folder and the package.
func (c Client) Prepare(ctx context.Context, version string) (dir, pkg string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", "", err
	}
	pkg = "./" + c.Package
	hash, err := hashOf(filepath.Join(source(), "kafka"), filepath.Join(experiments(), c.Package), filepath.Join(experiments(), "go.mod"))
	if err != nil {
		return "", "", err
	}
	if c.older(version) {
		hash += "-" + c.Broker
	}
	all := filepath.Join(cache, "releases")
	dir = filepath.Join(all, c.Name+"@"+version+"-"+hash)
	if _, err := os.Stat(dir); err == nil {
		return dir, pkg, nil
	}
	if err := os.MkdirAll(all, 0o777); err != nil {
		return "", "", err
	}
	fresh, err := os.MkdirTemp(all, "new")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(fresh)
	if err := copyAll(filepath.Join(experiments(), c.Package), filepath.Join(fresh, c.Package)); err != nil {
		return "", "", err
	}
	if err := c.require(ctx, version, fresh); err != nil {
		return "", "", err
	}
	// Another process may have made the same meanwhile.
	if err := os.Rename(fresh, dir); err != nil {
		if _, gone := os.Stat(dir); gone != nil {
			return "", "", err
		}
	}
	return dir, pkg, nil
}

// older says whether a version needs an older broker.
func (c Client) older(version string) bool {
	return c.Before != "" && semver.Compare(version, c.Before) < 0
}

// require writes a go.mod and a go.sum with the release.
func (c Client) require(ctx context.Context, version, dir string) error {
	content, err := os.ReadFile(filepath.Join(experiments(), "go.mod"))
	if err != nil {
		return err
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return err
	}
	for _, r := range slices.Clone(file.Require) {
		if r.Indirect {
			if err := file.DropRequire(r.Mod.Path); err != nil {
				return err
			}
		}
	}
	// A replacement holds, whatever version the broker or anything else requires.
	path := c.Path
	if c.Former != "" && semver.Compare(version, c.Since) < 0 {
		path = c.Former
	}
	if err := file.AddReplace(c.Path, "", path, version); err != nil {
		return err
	}
	if c.older(version) {
		const kfake = "github.com/twmb/franz-go/pkg/kfake"
		if err := file.AddReplace(kfake, "", kfake, c.Broker); err != nil {
			return err
		}
	}
	for path, at := range map[string]string{"racelab": filepath.Dir(source()), "racelab/witness": source(), "racelab/witness/kafka": filepath.Join(source(), "kafka")} {
		if err := file.AddReplace(path, "", at, ""); err != nil {
			return err
		}
	}
	file.Cleanup()
	if content, err = file.Format(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), content, 0o666); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", "mod", "tidy")
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off")
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s@%s: %s", c.Name, version, lastLine(string(said)))
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func copyAll(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o777)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o666)
	})
}
