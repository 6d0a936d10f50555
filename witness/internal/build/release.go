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
}

// Clients lists those that there are experiments for.
var Clients = []Client{
	{Name: "sarama", Path: "github.com/IBM/sarama", Package: "sarama", Former: "github.com/Shopify/sarama", Since: "v1.39.0"},
	{Name: "franz-go", Path: "github.com/twmb/franz-go", Package: "franzgo"},
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

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// Experiments lists those of a client, as the command takes them.
func (c Client) Experiments() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(experiments(), c.Package, "*_test.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no experiments at %s", filepath.Join(experiments(), c.Package))
	}
	var all []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(content), -1) {
			all = append(all, names.Experiment(m[1]))
		}
	}
	slices.Sort(all)
	return all, nil
}

// Prepare makes a copy of the experiments' module that requires a release, and
// returns its folder and the package.
func (c Client) Prepare(ctx context.Context, version, cache string) (dir, pkg string, err error) {
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			return "", "", err
		}
		cache = filepath.Join(cache, "racelab-witness")
	}
	dir = filepath.Join(cache, "releases", c.Name+"@"+version)
	if err := os.RemoveAll(dir); err != nil {
		return "", "", err
	}
	for _, folder := range []string{"broker", c.Package} {
		if err := copyAll(filepath.Join(experiments(), folder), filepath.Join(dir, folder)); err != nil {
			return "", "", err
		}
	}
	content, err := os.ReadFile(filepath.Join(experiments(), "go.mod"))
	if err != nil {
		return "", "", err
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return "", "", err
	}
	for _, r := range slices.Clone(file.Require) {
		if r.Indirect {
			if err := file.DropRequire(r.Mod.Path); err != nil {
				return "", "", err
			}
		}
	}
	// A replacement holds, whatever version the broker or anything else requires.
	path := c.Path
	if c.Former != "" && semver.Compare(version, c.Since) < 0 {
		path = c.Former
	}
	if err := file.AddReplace(c.Path, "", path, version); err != nil {
		return "", "", err
	}
	for path, at := range map[string]string{"racelab": filepath.Dir(source()), "racelab/witness": source()} {
		if err := file.AddReplace(path, "", at, ""); err != nil {
			return "", "", err
		}
	}
	file.Cleanup()
	if content, err = file.Format(); err != nil {
		return "", "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), content, 0o666); err != nil {
		return "", "", err
	}
	command := exec.CommandContext(ctx, "go", "mod", "tidy")
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off")
	if said, err := command.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("%s@%s: %s", c.Name, version, lastLine(string(said)))
	}
	return dir, "./" + c.Package, nil
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
