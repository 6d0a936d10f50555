package simrun

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"racelab/advise"
	"racelab/sim/explore"
)

// Goal: what a command writes with --json is what its schema in docs/schema says, and
// nobody changes a field without seeing it. The schemas are made of the Go types;
// write them anew with -rewrite, and raise the number if the meaning of one changed.
func TestJSONFollowsItsSchema(t *testing.T) {
	rewrite := flag.Lookup("rewrite").Value.String() == "true"
	for _, test := range []struct {
		name  string
		value any
		lines []string
	}{
		{"list", listJSON{}, []string{"list --json", "list --json --release sarama@1.43.2"}},
		{"scenario", aScenarioJSON{}, []string{"show lost-update --json", "show concurrent-transactions --json"}},
		{"why", whyJSON{}, []string{"why --json CONCURRENT_TRANSACTIONS", "why --json nothing of this"}},
		{"run", runJSON{}, []string{"run offset-rewind --json", "run offset-rewind/commit-lock --json", "run throttle-stall@timed --json"}},
		{"explore", exploreJSON{}, exploreLines()},
		{"diff", diffJSON{}, []string{"diff lost-update unfixed locked --json"}},
		{"check", checkJSON{}, []string{"check --json lost-update stale-snapshot"}},
		{"sweeps", sweepsJSON{}, []string{"sweep --json"}},
		{"sweep", resultJSON{}, []string{"sweep commit-cost --seeds 2 --json"}},
		{"advise", adviceJSON{}, []string{"advise --window 3ms --client sarama --seeds 1 --json"}},
		{"version", versionJSON{}, []string{"version --json"}},
		{"error", errorJSON{}, []string{"run offset-rewnd --json", "explore offset-rewind --json --depth 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			schema, text := schemaOf(t, test.name, test.value)
			path := filepath.Join("../docs/schema", test.name+".json")
			if rewrite {
				if err := os.WriteFile(path, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if stored, err := os.ReadFile(path); err != nil || string(stored) != string(text) {
				t.Errorf("%s is stale (%v); see the comment of this test", path, err)
			}
			resolved, err := schema.Resolve(nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range test.lines {
				_, stdout, stderr := call(words(line)...)
				d := json.NewDecoder(strings.NewReader(stdout + stderr))
				for values := 0; ; values++ {
					var value any
					if !d.More() && values > 0 {
						break
					}
					if err := d.Decode(&value); err != nil {
						t.Fatalf("simrun %s: %v", line, err)
					}
					if err := resolved.Validate(value); err != nil {
						t.Errorf("simrun %s: %v", line, err)
					}
				}
			}
		})
	}
}

func exploreLines() []string {
	var lines []string
	for _, strategy := range explore.Strategies() {
		lines = append(lines, "explore stale-snapshot --json --strategy "+strategy, "explore stale-snapshot/locked --json --strategy "+strategy)
	}
	return lines
}

// schemaOf is the schema of a type, and its file. Lists are never null, and an object
// may get fields.
func schemaOf(t *testing.T, name string, value any) (*jsonschema.Schema, []byte) {
	number := &jsonschema.Schema{Type: "number"}
	schema, err := jsonschema.ForType(reflect.TypeOf(value), &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		// These have JSON of their own.
		reflect.TypeFor[advise.Setting](): {Type: "object", Required: []string{"backoff_ms", "max"}, Properties: map[string]*jsonschema.Schema{
			"backoff_ms": number, "max": {Types: []string{"null", "integer"}},
		}},
		reflect.TypeFor[advise.Windows](): {Type: "object", Required: []string{"source", "measured", "unpaired", "median_ms", "p99_ms", "p99.9_ms"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	schema.Schema = "https://json-schema.org/draft/2020-12/schema"
	schema.Title = "racelab." + name + "/1"
	schema.Properties["schema"].Const = jsonschema.Ptr[any](schema.Title)
	loosen(schema)
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return schema, append(text, '\n')
}

func loosen(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if len(s.Types) == 2 && s.Types[0] == "null" && s.Types[1] == "array" {
		s.Type, s.Types = "array", nil
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	}
	loosen(s.Items)
	loosen(s.AdditionalProperties)
	for _, property := range s.Properties {
		loosen(property)
	}
}
