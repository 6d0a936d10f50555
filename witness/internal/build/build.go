// Package build makes test binaries of rewritten sources. It writes to a folder of
// its own; the module that is built stays as it is, byte for byte.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"

	"racelab/witness/rewrite"
)

// Options say what is built.
type Options struct {
	Dir      string   // of the module
	Patterns []string // packages, as go test takes them
	All      bool     // every test is explored, not only those that ask for it
	Race     bool     // with the race detector
	Debug    bool     // for a debugger: the module without optimizations
	Tags     string   // of the build
	Say      func(format string, args ...any)
}

// Binary is a test binary.
type Binary struct {
	Package string // import path
	Dir     string // where its tests run
	Path    string
}

// Tree is what was built.
type Tree struct {
	Binaries    []Binary
	Missed      []string // constructs that stay out of control
	AsyncTimers bool     // the module's Go version has timers as before 1.23
	folder      string
}

// Close removes what is of no use to another build.
func (t *Tree) Close() { os.RemoveAll(t.folder) }

type builder struct {
	Options
	module   mainModule   // that of the folder
	all      []mainModule // of the user's workspace; without one, that of the folder
	tree     *Tree
	overlay  map[string]string
	replaced map[string]string // module path: folder of its rewritten copy
	changed  map[string]bool   // module path: something in its copy was rewritten
	hash     string
	cache    string
}

type mainModule struct{ Path, Dir, GoMod, GoVersion string }

// Build makes the test binaries of the packages.
func Build(ctx context.Context, o Options) (_ *Tree, err error) {
	b := &builder{Options: o, tree: &Tree{}, overlay: map[string]string{}, replaced: map[string]string{}, changed: map[string]bool{}}
	if b.cache, err = cacheDir(); err != nil {
		return nil, err
	}
	if err := b.findModule(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(b.cache, 0o777); err != nil {
		return nil, err
	}
	if b.tree.folder, err = os.MkdirTemp(b.cache, "build"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.tree.Close()
		}
	}()
	if b.hash, err = hashOf(filepath.Join(source(), "rewrite")); err != nil {
		return nil, fmt.Errorf("the lab's own source is not at %s, where this command was built: %w", source(), err)
	}
	if b.Race {
		if err := b.canRace(ctx); err != nil {
			return nil, err
		}
	}
	mains, deps, err := b.list(ctx)
	if err != nil {
		return nil, err
	}
	work, err := b.prepare(ctx, mains, deps)
	if err != nil {
		return nil, err
	}
	return b.tree, b.compile(ctx, mains, work)
}

// prepare writes the sources and the go.work of the build. What other builds use too
// is written by one process at a time.
func (b *builder) prepare(ctx context.Context, mains, deps []*packages.Package) (work string, err error) {
	lock := flock.New(filepath.Join(b.cache, "lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", err
	}
	defer lock.Close()
	if err := b.rewriteAll(ctx, mains, deps); err != nil {
		return "", err
	}
	return b.workspace(ctx)
}

// cacheDir is the folder of all that another build may use.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "racelab-witness"), err
}

// source is the folder of module racelab/witness.
func source() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

func hashOf(dirs ...string) (string, error) {
	h := sha256.New()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n", path, len(content))
			h.Write(content)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

func (b *builder) findModule(ctx context.Context) error {
	out, err := b.goRun(ctx, nil, "list", "-m", "-json")
	if err != nil {
		return err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m mainModule
		if err := d.Decode(&m); err != nil || m.GoMod == "" {
			return fmt.Errorf("%s is in no module; run it where go test works", b.Dir)
		}
		b.all = append(b.all, m)
		if b.module.Dir == "" || within(b.Dir, m.Dir) && len(m.Dir) > len(b.module.Dir) {
			b.module = m
		}
	}
	v := b.module.GoVersion
	if v == "" {
		v = "1.16"
	}
	b.tree.AsyncTimers = semver.Compare("v"+v, "v1.23") < 0
	return nil
}

func within(path, dir string) bool { return strings.HasPrefix(path+"/", dir+"/") }

// goRun runs the go command in the folder of the module.
func (b *builder) goRun(ctx context.Context, env []string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "go", args...)
	var out, said bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = b.Dir, &out, &said
	c.Env = append(os.Environ(), env...)
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %s", args[0], firstLines(cmp(said.String(), out.String(), err.Error()), 12))
	}
	return out.Bytes(), nil
}

func cmp(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

func firstLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = append(lines[:n], fmt.Sprintf("... and %d lines more", len(lines)-n))
	}
	return strings.Join(lines, "\n")
}

// ours are packages that are never rewritten: what rewritten code runs on.
func ours(path string) bool {
	return path == "racelab/witness" || strings.HasPrefix(path, "racelab/witness/internal/") || strings.HasPrefix(path, "racelab/witness/rt") ||
		path == "racelab/sim" || strings.HasPrefix(path, "racelab/sim/")
}

// list finds the packages with tests, and all that are linked with them, without
// those of the standard library.
func (b *builder) list(ctx context.Context) (mains, deps []*packages.Package, err error) {
	config := &packages.Config{
		Context: ctx, Dir: b.Dir, Tests: true, BuildFlags: b.tags(),
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedModule | packages.NeedForTest,
	}
	roots, err := packages.Load(config, b.Patterns...)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, p := range roots {
		for _, e := range p.Errors {
			return nil, nil, errors.New(e.Error())
		}
	}
	asks := b.All
	packages.Visit(roots, nil, func(p *packages.Package) {
		asks = asks || p.PkgPath == "racelab/witness"
		if p.Module == nil || ours(p.PkgPath) || seen[p.PkgPath] || strings.HasSuffix(p.PkgPath, ".test") {
			return
		}
		if p.ForTest != "" {
			return
		}
		seen[p.PkgPath] = true
		deps = append(deps, p)
	})
	tested := map[string]bool{}
	for _, p := range roots {
		if p.ForTest != "" {
			tested[p.ForTest] = true
		}
	}
	for _, p := range roots {
		if p.ForTest == "" && tested[p.PkgPath] {
			mains = append(mains, p)
		}
	}
	if len(mains) == 0 {
		return nil, nil, fmt.Errorf("no tests in %s", strings.Join(b.Patterns, " "))
	}
	if !asks {
		return nil, nil, fmt.Errorf("no test in %s asks to be explored, by witness.Explore; -all explores every test", strings.Join(b.Patterns, " "))
	}
	slices.SortFunc(deps, func(x, y *packages.Package) int { return strings.Compare(x.PkgPath, y.PkgPath) })
	return mains, deps, nil
}

// rewriteAll rewrites the packages: those in the module cache into copies of their
// modules, the others through an overlay.
func (b *builder) rewriteAll(ctx context.Context, mains, deps []*packages.Package) error {
	var local, fresh []string
	byModule := map[string][]*packages.Package{}
	for _, p := range deps {
		if b.cached(p) {
			byModule[p.Module.Path] = append(byModule[p.Module.Path], p)
		} else if !slices.Contains(mainPaths(mains), p.PkgPath) {
			local = append(local, p.PkgPath)
		}
	}
	for path, all := range byModule {
		missing, err := b.copyModule(all, byModule)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		fresh = append(fresh, missing...)
	}
	slices.Sort(fresh)
	if len(fresh) > 0 {
		b.say("rewriting %d packages of other modules, once", len(fresh))
		if err := b.rewritePackages(ctx, false, fresh); err != nil {
			return err
		}
		for path, dir := range b.replaced {
			if err := mark(dir, fresh, b.changed[path]); err != nil {
				return err
			}
		}
	}
	// What has nothing to rewrite is the same for everybody, and may be built already.
	maps.DeleteFunc(b.replaced, func(path, _ string) bool { return !b.changed[path] && !vendored(byModule[path][0]) })
	if len(local) > 0 {
		if err := b.rewritePackages(ctx, false, local); err != nil {
			return err
		}
	}
	return b.rewritePackages(ctx, true, mainPaths(mains))
}

func mainPaths(mains []*packages.Package) (paths []string) {
	for _, p := range mains {
		paths = append(paths, p.PkgPath)
	}
	return paths
}

func (b *builder) say(format string, args ...any) {
	if b.Say != nil {
		b.Say(format, args...)
	}
}

// moduleOf is the module of a package, or what replaces it, unless that is in the folder vendor.
func moduleOf(p *packages.Package) *packages.Module {
	if p.Module.Replace != nil && !vendored(p) {
		return p.Module.Replace
	}
	return p.Module
}

// cached says whether a package is in the module cache, or the folder vendor.
func (b *builder) cached(p *packages.Package) bool {
	return moduleOf(p).Version != "" || vendored(p)
}

// vendored says whether a package is in the folder vendor, which no workspace has: its
// module is copied from there.
func vendored(p *packages.Package) bool { return !p.Module.Main && p.Module.Dir == "" }

// root is the folder of a package's module.
func (b *builder) root(p *packages.Package) string {
	if vendored(p) {
		return filepath.Join(b.module.Dir, "vendor", filepath.FromSlash(p.Module.Path))
	}
	return moduleOf(p).Dir
}

// marker is the file of a copy that lists its rewritten packages, and says whether any of
// them has changed.
const (
	marker     = ".rewritten"
	hasChanged = "changed"
)

// copyModule makes the copy of a module, if there is none, and returns the packages
// that are still to be rewritten in it. A module in the folder vendor may have others
// within.
func (b *builder) copyModule(all []*packages.Package, others map[string][]*packages.Package) ([]string, error) {
	m, from := moduleOf(all[0]), b.root(all[0])
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.cache, "mod", b.hash, filepath.FromSlash(escaped)+"@"+m.Version)
	if vendored(all[0]) {
		hash, err := hashOf(from)
		if err != nil {
			return nil, err
		}
		dir += "-vendor-" + hash
	}
	b.replaced[all[0].Module.Path] = dir
	done, err := os.ReadFile(filepath.Join(dir, marker))
	if err != nil {
		os.RemoveAll(dir)
		other := func(relative string) bool {
			return relative != "." && others[all[0].Module.Path+"/"+filepath.ToSlash(relative)] != nil
		}
		if err := copyTree(from, dir, other); err != nil {
			return nil, err
		}
		if err := modernise(dir, all[0].Module); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, marker), nil, 0o666); err != nil {
			return nil, err
		}
	}
	lines := strings.Split(string(done), "\n")
	b.changed[all[0].Module.Path] = slices.Contains(lines, hasChanged)
	var missing []string
	for _, p := range all {
		if !slices.Contains(lines, p.PkgPath) {
			missing = append(missing, p.PkgPath)
		}
	}
	return missing, nil
}

func mark(dir string, fresh []string, changed bool) error {
	f, err := os.OpenFile(filepath.Join(dir, marker), os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if changed {
		fresh = append([]string{hasChanged}, fresh...)
	}
	_, err = f.WriteString(strings.Join(fresh, "\n") + "\n")
	return err
}

// copyTree copies a module without its tests and without modules within: those that have
// a go.mod, and others.
func copyTree(from, to string, other func(relative string) bool) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); path != from && (err == nil || other(relative) || d.Name() == "testdata" || d.Name() == ".git") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, relative), 0o777)
		}
		if strings.HasSuffix(d.Name(), "_test.go") || !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o666)
	})
}

// modernise lets the copy of an old module use type parameters.
func modernise(dir string, m *packages.Module) error {
	file := filepath.Join(dir, "go.mod")
	content, err := os.ReadFile(file)
	if err != nil {
		content = []byte("module " + m.Path + "\n")
		if m.GoVersion != "" {
			content = append(content, "\ngo "+m.GoVersion+"\n"...)
		}
	}
	if content, err = modern(file, content); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o666)
}

// modern raises the Go version of a go.mod to the one from which interfaces can be
// arguments of comparable parameters. Loop variables change their meaning later, with
// 1.22.
func modern(name string, content []byte) ([]byte, error) {
	f, err := modfile.ParseLax(name, content, nil)
	if err != nil {
		return nil, err
	}
	if f.Go != nil && semver.Compare("v"+f.Go.Version, "v1.20") >= 0 {
		return content, nil
	}
	if f, err = modfile.Parse(name, content, nil); err != nil {
		return nil, err
	}
	if err := f.AddGoStmt("1.20"); err != nil {
		return nil, err
	}
	return f.Format()
}

// rewritePackages rewrites the files of packages, with their tests if asked.
func (b *builder) rewritePackages(ctx context.Context, tests bool, paths []string) error {
	config := &packages.Config{
		Context: ctx, Dir: b.Dir, Tests: tests, BuildFlags: b.tags(),
		Mode: packages.LoadSyntax | packages.NeedModule | packages.NeedForTest | packages.NeedCompiledGoFiles,
	}
	loaded, err := packages.Load(config, paths...)
	if err != nil {
		return err
	}
	// The variant of a package with its tests has all the files of the one without.
	slices.SortStableFunc(loaded, func(x, y *packages.Package) int { return len(y.ForTest) - len(x.ForTest) })
	done := map[string]bool{}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return errors.New(compileError(p.Errors[0].Error()))
		}
		tries := false
		var changed []string
		for i, file := range p.Syntax {
			name := p.CompiledGoFiles[i]
			if done[name] || p.Module == nil {
				continue
			}
			done[name] = true
			if !strings.HasPrefix(name, b.root(p)+string(filepath.Separator)) {
				// What cgo or go test has made; the first says where it comes from.
				if from := filepath.Base(p.Fset.Position(file.Name.Pos()).Filename); strings.HasSuffix(from, ".go") && from != "_cgo_gotypes.go" && !strings.HasSuffix(p.PkgPath, ".test") {
					b.tree.Missed = append(b.tree.Missed, p.PkgPath+"/"+from+": cgo")
				}
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			res, err := rewrite.File(p.Fset, file, p.Types, p.TypesInfo, text, rewrite.Options{
				All: b.All && tests && strings.HasSuffix(name, "_test.go"),
			})
			if err != nil {
				return err
			}
			b.tree.Missed = append(b.tree.Missed, res.Missed...)
			tries = tries || res.Tries
			if !res.Changed {
				continue
			}
			to, err := b.write(p, name, res.Text)
			if err != nil {
				return err
			}
			changed = append(changed, to)
		}
		if tries && len(changed) > 0 {
			f, err := os.OpenFile(changed[0], os.O_APPEND|os.O_WRONLY, 0o666)
			if err != nil {
				return err
			}
			_, err = f.WriteString("\nfunc init() { witness_rt.UnlockPoints = true }\n")
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// compileError is one line of what the go command says of a package.
func compileError(text string) string {
	for line := range strings.Lines(strings.TrimPrefix(text, "-: ")) {
		if !strings.HasPrefix(line, "#") {
			return "does not compile: " + strings.TrimSpace(line)
		}
	}
	return text
}

// write puts a rewritten file where the build finds it.
func (b *builder) write(p *packages.Package, name string, text []byte) (string, error) {
	if b.cached(p) {
		relative, err := filepath.Rel(b.root(p), name)
		if err != nil {
			return "", err
		}
		b.changed[p.Module.Path] = true
		to := filepath.Join(b.replaced[p.Module.Path], relative)
		return to, os.WriteFile(to, text, 0o666)
	}
	to := filepath.Join(b.tree.folder, fmt.Sprintf("%d_%s", len(b.overlay), filepath.Base(name)))
	b.overlay[name] = to
	return to, os.WriteFile(to, text, 0o666)
}

// runtimeModules makes modules of what rewritten code runs on: without requirements,
// so that no dependency of the user's gets another version. Copies hold the packages
// that rewritten code imports; what only tests import stands there by the overlay, so
// that a change of it compiles nothing else anew.
func (b *builder) runtimeModules(ctx context.Context) ([]string, error) {
	c := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}\t{{.Dir}}{{end}}", "racelab/witness", "racelab/witness/rt/...")
	c.Dir = source()
	c.Env = append(os.Environ(), "GOWORK=off")
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list of the lab's own source: %s", firstLines(said.String(), 5))
	}
	h := sha256.New()
	for line := range strings.Lines(string(out)) {
		path, from, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(path, rewrite.Runtime) {
			continue
		}
		if err := hashPackage(h, from); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(b.cache, "rt", fmt.Sprintf("%x", h.Sum(nil)[:8]))
	modules := []string{filepath.Join(dir, "racelab"), filepath.Join(dir, "witness")}
	_, err = os.Stat(filepath.Join(dir, marker))
	fresh := err != nil
	for line := range strings.Lines(string(out)) {
		path, from, _ := strings.Cut(strings.TrimSpace(line), "\t")
		to, ok := strings.CutPrefix(path, "racelab/witness")
		at := modules[1]
		if !ok {
			if to, ok = strings.CutPrefix(path, "racelab/"); !ok {
				return nil, fmt.Errorf("the runtime imports %s, which is not the lab's", path)
			}
			at = modules[0]
		}
		to = filepath.Join(at, to)
		switch {
		case !strings.HasPrefix(path, rewrite.Runtime):
			err = b.lay(from, to)
		case fresh:
			err = copyPackage(from, to)
		default:
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	if !fresh {
		return modules, nil
	}
	for i, path := range []string{"racelab", "racelab/witness"} {
		if err := os.MkdirAll(modules[i], 0o777); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(modules[i], "go.mod"), []byte("module "+path+"\n\ngo 1.26.0\n"), 0o666); err != nil {
			return nil, err
		}
	}
	return modules, os.WriteFile(filepath.Join(dir, marker), nil, 0o666)
}

// lay puts the files of a package into another folder, by the overlay.
func (b *builder) lay(from, to string) error {
	names, err := files(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		b.overlay[filepath.Join(to, name)] = filepath.Join(from, name)
	}
	return os.MkdirAll(to, 0o777) // The assembler works there.
}

// files lists the sources of a package.
func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasSuffix(e.Name(), "_test.go") && (strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), ".s")) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func hashPackage(h io.Writer, dir string) error {
	names, err := files(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s/%s %d\n", dir, name, len(content))
		if _, err := h.Write(content); err != nil {
			return err
		}
	}
	return nil
}

func copyPackage(from, to string) error {
	names, err := files(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// workReplaces are the modules that the user's go.work replaces by folders. Those that it
// replaces by versions are copies by now, or have nothing to rewrite.
func (b *builder) workReplaces(ctx context.Context) (map[string]string, error) {
	out, err := b.goRun(ctx, nil, "env", "GOWORK")
	file := strings.TrimSpace(string(out))
	if err != nil || file == "" || file == "off" {
		return map[string]string{}, err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(file, content, nil)
	if err != nil {
		return nil, err
	}
	replaced := map[string]string{}
	for _, r := range work.Replace {
		if dir := r.New.Path; r.New.Version == "" {
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(filepath.Dir(file), dir)
			}
			replaced[r.Old.Path] = dir
		}
	}
	return replaced, nil
}

// workspace writes the go.work of the build, in which the copies stand for their
// modules and no go.mod changes.
func (b *builder) workspace(ctx context.Context) (string, error) {
	modules, err := b.runtimeModules(ctx)
	if err != nil {
		return "", err
	}
	version := "1.26.0" // The workspace must not be behind its modules.
	used := slices.Clone(modules)
	for i, m := range b.all {
		mod, err := os.ReadFile(m.GoMod)
		if err != nil {
			return "", err
		}
		if mod, err = modern(m.GoMod, mod); err != nil {
			return "", err
		}
		b.overlay[m.GoMod] = filepath.Join(b.tree.folder, fmt.Sprintf("%d.mod.txt", i))
		if err := os.WriteFile(b.overlay[m.GoMod], mod, 0o666); err != nil {
			return "", err
		}
		if semver.Compare("v"+m.GoVersion, "v"+version) > 0 {
			version = m.GoVersion
		}
		switch m.Path { // The lab's own stand for those of the runtime.
		case "racelab":
			used = slices.DeleteFunc(used, func(dir string) bool { return dir == modules[0] })
		case "racelab/witness":
			used = slices.DeleteFunc(used, func(dir string) bool { return dir == modules[1] })
		}
		used = append(used, m.Dir)
	}
	replaced, err := b.workReplaces(ctx)
	if err != nil {
		return "", err
	}
	maps.Copy(replaced, b.replaced)
	var w strings.Builder
	fmt.Fprintf(&w, "go %s\n\nuse (\n", version)
	for _, dir := range used {
		fmt.Fprintf(&w, "\t%q\n", dir)
	}
	w.WriteString(")\n")
	for _, path := range slices.Sorted(maps.Keys(replaced)) {
		fmt.Fprintf(&w, "\nreplace %s => %q\n", path, replaced[path])
	}
	file := filepath.Join(b.tree.folder, "go.work")
	return file, os.WriteFile(file, []byte(w.String()), 0o666)
}

func (b *builder) tags() []string {
	if b.Tags == "" {
		return nil
	}
	return []string{"-tags=" + b.Tags}
}

// flags are those of GOFLAGS that fit a workspace.
func (b *builder) flags(ctx context.Context) (string, error) {
	out, err := b.goRun(ctx, nil, "env", "GOFLAGS")
	flags := []string{"-buildvcs=false"}
	for flag := range strings.FieldsSeq(string(out)) {
		if !strings.HasPrefix(flag, "-mod") {
			flags = append(flags, flag)
		}
	}
	return strings.Join(flags, " "), err
}

func (b *builder) compile(ctx context.Context, mains []*packages.Package, work string) error {
	if b.Race {
		if err := b.forgetfulPool(ctx); err != nil {
			return err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": b.overlay})
	if err != nil {
		return err
	}
	file := filepath.Join(b.tree.folder, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o666); err != nil {
		return err
	}
	flags, err := b.flags(ctx)
	if err != nil {
		return err
	}
	for i, p := range mains {
		out := filepath.Join(b.tree.folder, fmt.Sprintf("%d.test", i))
		args := append([]string{"test", "-c", "-vet=off", "-overlay", file, "-o", out}, b.tags()...)
		if b.Race {
			args = append(args, raceFlags...)
		}
		if b.Debug {
			args = append(args, "-gcflags="+b.module.Path+"/...=-N -l")
		} else {
			args = append(args, "-ldflags=-w") // what only a debugger reads
		}
		if _, err := b.goRun(ctx, []string{"GOWORK=" + work, "GOFLAGS=" + flags}, append(args, p.PkgPath)...); err != nil {
			return err
		}
		b.tree.Binaries = append(b.tree.Binaries, Binary{p.PkgPath, p.Dir, out})
	}
	return nil
}
