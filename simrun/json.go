package simrun

import (
	"runtime/debug"

	"racelab/scenario"
)

// header begins every JSON value that a command writes.
type header struct {
	Schema  string `json:"schema"`  // "racelab.explore/1": a changed meaning raises the number
	Version string `json:"version"` // of the program
}

func (a *app) header(what string) header { return header{"racelab." + what + "/1", revision()} }

// revision is the version of the module that this program was built of: a release,
// or a revision of its repository.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

type errorJSON struct {
	header
	Error    string   `json:"error"`
	Exit     int      `json:"exit"`
	Nearest  string   `json:"nearest,omitempty"`
	Possible []string `json:"possible,omitempty"`
}

func valuesJSON(values scenario.Values) map[string]string {
	out := map[string]string{}
	for _, v := range values {
		out[v.Name] = v.Text
	}
	return out
}
