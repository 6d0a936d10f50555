package transactionprotocol

import (
	"os"
	"slices"
	"strings"
	"testing"

	"racelab/model/broker"
	"racelab/model/coordinator"
)

// Goal: what docs/specification.md links to is there: the code, the test, and its name.
func TestSpecificationLinks(t *testing.T) {
	for _, s := range slices.Concat(coordinator.Specification(), broker.Specification()) {
		if _, err := os.Stat("../../" + s.Code); err != nil {
			t.Errorf("%s: %v", s.Request, err)
		}
		file, name, _ := strings.Cut(s.Test, ", ")
		text, err := os.ReadFile("../../" + file)
		if err != nil || !strings.Contains(string(text), "func "+name+"(t ") {
			t.Errorf("%s: %s has no %s (%v)", s.Request, file, name, err)
		}
	}
}
