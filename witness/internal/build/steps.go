package build

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"racelab/sim"
	"racelab/witness"
)

var (
	comment  = regexp.MustCompile(`(?s)((?:// ?[^\n]*\n)*)$`)
	stepLine = regexp.MustCompile(`(?m)^// (?:Lane|Step) ([^:]+): (.+)$`)
)

// stepsAbove reads the lanes and steps of the doc comment at the end of a source.
func stepsAbove(source []byte) map[string]string {
	steps := map[string]string{}
	for _, m := range stepLine.FindAllSubmatch(comment.Find(source), -1) {
		steps[string(m[1])] = string(m[2])
	}
	return steps
}

// Orders translates orders between steps of the race's model into those of the
// release. An order that speaks of no lane of the model is the release's already.
func (e Experiment) Orders(text string) (string, error) {
	orders, err := witness.ParseOrders(text)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, o := range orders {
		if err := e.translate(&o.Earlier, true); err != nil {
			return "", err
		}
		if err := e.translate(&o.Later, false); err != nil {
			return "", err
		}
		lines = append(lines, o.String())
	}
	return strings.Join(lines, "; "), nil
}

// translate makes a step of the model one of the release. A message is a step of the
// lane that sends it. What is one step of the model may be several of the release, as
// "Lock to write": what comes later waits before the first, for the last.
func (e Experiment) translate(step *sim.Step, earlier bool) error {
	lane, _, _ := strings.Cut(step.Actor, "->")
	goroutine, ok := e.Steps[lane]
	if !ok {
		return nil
	}
	does, ok := e.Steps[step.Label]
	if !ok {
		return fmt.Errorf("nothing in experiment %s stands for the model's step %q; there are: %s",
			e.Name, step.Label, strings.Join(slices.Sorted(maps.Keys(e.Steps)), ", "))
	}
	first, last, several := strings.Cut(does, " to ")
	if step.Actor, step.Label = goroutine, first; several && earlier {
		step.Label = last
	}
	return nil
}
