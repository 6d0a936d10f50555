package simrun

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Goal: shards on any machines and one merge print what one machine prints, byte for
// byte, with its exit code; also where no shard but one finds anything, and where there
// are more shards than pieces of work.
func TestShardsMergeToTheWhole(t *testing.T) {
	for line, n := range map[string]string{
		"explore offset-rewind --strategy pct --limit 90 --seed 1":               "4",
		"explore stale-snapshot --strategy walk --limit 30 --set marks=2 --json": "7",
		"explore stale-snapshot/locked --strategy uniform --limit 5":             "9",
		"check lost-update stale-snapshot":                                       "3",
		"check lost-update --json":                                               "2",
		"sweep commit-cost --seeds 1 --set commits=5":                            "5",
	} {
		dir := t.TempDir()
		for i := range n[0] - '0' {
			args := append(words(line), "--shard", string('1'+i)+"/"+n, "--out", dir)
			if code, stdout, stderr := call(args...); code != 0 || !strings.Contains(stdout, " of "+n+": ") {
				t.Fatalf("simrun %s: exit code %d, %q, %q", strings.Join(args, " "), code, stdout, stderr)
			}
		}
		want, whole, _ := call(words(line)...)
		var merges sync.WaitGroup
		for range 2 { // At once: they only read.
			merges.Go(func() {
				if got, merged, stderr := call("merge", dir); got != want || merged != whole {
					t.Errorf("simrun %s in %s shards: exit code %d, %s\n%s\nwant %d\n%s", line, n, got, stderr, merged, want, whole)
				}
			})
		}
		merges.Wait()
	}
}

// Goal: what does not belong together is refused in one line that says what to do.
func TestMergeRefuses(t *testing.T) {
	shards := func(t *testing.T) (dir string, files []string) {
		dir = t.TempDir()
		for _, shard := range []string{"1/2", "2/2"} {
			call("explore", "stale-snapshot", "--strategy", "walk", "--limit", "10", "--shard", shard, "--out", dir)
		}
		files, _ = filepath.Glob(filepath.Join(dir, "*"))
		if len(files) != 2 {
			t.Fatalf("two shards wrote %v", files)
		}
		return dir, files
	}
	rewrite := func(t *testing.T, file, old, new string) {
		content, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(content), old) {
			t.Fatalf("%s has no %q (%v)", content, old, err)
		}
		content = []byte(strings.Replace(string(content), old, new, 1))
		_ = os.Remove(file)
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), nameOf(content)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		spoil func(dir string, files []string)
		want  string
	}{
		"missing":  {func(_ string, files []string) { _ = os.Remove(files[0]) }, "1 of 2 shards are missing"},
		"damaged":  {func(_ string, files []string) { _ = os.WriteFile(files[1], []byte("{}"), 0o644) }, "is damaged"},
		"no shard": {func(_ string, files []string) { _, _ = os.Remove(files[0]), os.Remove(files[1]) }, "has no result of a shard"},
		"build":    {func(_ string, files []string) { rewrite(t, files[0], `"build":"`, `"build":"0`) }, "another build of this program"},
		"command":  {func(_ string, files []string) { rewrite(t, files[0], "--limit=10", "--limit=11") }, "shards of two commands"},
		"twice": {func(_ string, files []string) {
			rewrite(t, files[0], `"runs":5`, `"runs":6`)
			call("explore", "stale-snapshot", "--strategy", "walk", "--limit", "10", "--shard", "1/2", "--out", filepath.Dir(files[0]))
			call("explore", "stale-snapshot", "--strategy", "walk", "--limit", "10", "--shard", "2/2", "--out", filepath.Dir(files[0]))
		}, "which differ"},
		"field":    {func(_ string, files []string) { rewrite(t, files[0], `"of":2`, `"off":2`) }, "is no result of a shard"},
		"property": {func(_ string, files []string) { rewrite(t, files[0], `"no-panic"`, `"no-panics"`) }, "which this model does not"},
		"seed": {func(_ string, files []string) {
			rewrite(t, files[0], `"no-panic","tested":true,"bad":0`, `"no-panic","tested":true,"bad":1,"seed":3`)
		}, "here it does not"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, files := shards(t)
			test.spoil(dir, files)
			code, stdout, stderr := call("merge", dir)
			if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %q, %q, want one line with %q", code, stdout, stderr, test.want)
			}
		})
	}
}
