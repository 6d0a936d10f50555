package simrun

import (
	"os"
	"testing"
)

// Goal: --spill changes nothing of the output, and leaves nothing in its folder.
func TestSpill(t *testing.T) {
	folder := t.TempDir()
	search := []string{"explore", "lost-update", "--parallel", "1"}
	code, want, _ := call(search...)
	codeNow, got, stderr := call(append(search, "--spill", folder)...)
	if got != want || codeNow != code || stderr != "" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant exit code %d, stdout\n%s", codeNow, stderr, got, code, want)
	}
	if left, err := os.ReadDir(folder); len(left) > 0 || err != nil {
		t.Errorf("%v are left: %v", left, err)
	}
}
