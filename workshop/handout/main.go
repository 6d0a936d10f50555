// Command handout prepares what a class gets and what its teacher keeps: dist/workshop
// with the page, the command and the sources without the answers; dist/teacher with the
// answers. The page is built before (make workshop does both).
//
//	go run ./workshop/handout
package main

import (
	"archive/zip"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed START.txt
var start string

// platforms are those of which a class may have computers.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

func main() {
	if err := prepare(".", "dist", build); err != nil {
		fmt.Fprintln(os.Stderr, "handout:", err)
		os.Exit(1)
	}
}

// prepare writes both directories anew, from a root of the repository.
func prepare(root, dist string, build func(platform, file string) error) error {
	class, teacher := filepath.Join(dist, "workshop"), filepath.Join(dist, "teacher")
	for _, directory := range []string{class, teacher} {
		if err := os.RemoveAll(directory); err != nil {
			return err
		}
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return err
		}
	}
	commands := ""
	for _, platform := range platforms {
		file := command(platform)
		if err := build(platform, filepath.Join(class, file)); err != nil {
			return err
		}
		shown := file
		if strings.HasPrefix(platform, "windows") {
			shown = strings.ReplaceAll(file, "/", `\`)
		}
		commands += "    " + shown + " play lost-update\n"
	}
	if err := archive(root, filepath.Join(class, "racelab.zip")); err != nil {
		return err
	}
	for to, from := range map[string]string{
		filepath.Join(class, "lab.html"):      filepath.Join(dist, "lab.html"),
		filepath.Join(class, "LICENSE"):       filepath.Join(root, "LICENSE"),
		filepath.Join(teacher, "TEACHING.md"): filepath.Join(root, "workshop", "TEACHING.md"),
	} {
		content, err := os.ReadFile(from)
		if err != nil {
			return fmt.Errorf("%w; make workshop builds the page first", err)
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(teacher, "solutions"), os.DirFS(filepath.Join(root, "workshop", "solutions"))); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(class, "START.txt"), []byte(strings.ReplaceAll(start, "{{commands}}", commands)), 0o644)
}

// command is where the command of a platform lies.
func command(platform string) string {
	file := "bin/" + strings.ReplaceAll(platform, "/", "-") + "/simrun"
	if strings.HasPrefix(platform, "windows") {
		file += ".exe"
	}
	return file
}

// notPacked is what a class does not get of the sources: what is built, what is large,
// and the answers.
var notPacked = []string{".git", "bin", "dist", "notebooks", "figures/gallery", "workshop/solutions"}

// archive packs the sources: lesson 6 is done in them.
func archive(root, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	packed := zip.NewWriter(out)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch name = filepath.ToSlash(name); {
		case slices.Contains(notPacked, name) && d.IsDir():
			return fs.SkipDir
		case slices.Contains(notPacked, name) || !d.Type().IsRegular(): // .git of a worktree is a file.
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to, err := packed.Create("racelab/" + name)
		if err != nil {
			return err
		}
		_, err = to.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	return packed.Close()
}

// build compiles the command.
func build(platform, file string) error {
	system, processor, _ := strings.Cut(platform, "/")
	c := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./cmd/simrun")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("go build ./cmd/simrun for %s: %w; run it from the root of the repository", platform, err)
	}
	fmt.Println(filepath.ToSlash(file))
	return nil
}
