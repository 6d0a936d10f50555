package notebooks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// dot is a cell that shows a picture.
const dot = `import (
	"image"

	"github.com/janpfeifer/gonb/gonbui"
)

%%
_ = gonbui.DisplayImage(image.NewGray(image.Rect(0, 0, 2, 2)))
gonbui.Sync()`

// planted is a notebook with Setup and a few cells. What is stored with each
// stands at the same place: text, a PNG, or nothing.
func planted(t *testing.T, cells []string, stored ...string) string {
	t.Helper()
	list := []any{map[string]any{"cell_type": "markdown", "source": "text", "metadata": map[string]any{}}}
	for i, source := range append([]string{Setup}, cells...) {
		outputs := []any{}
		if i > 0 && i <= len(stored) {
			shown := Shown{Text: stored[i-1]}
			if strings.HasPrefix(shown.Text, "\x89PNG") {
				shown = Shown{Pictures: [][]byte{[]byte(stored[i-1])}}
			}
			outputs = shown.outputs()
		}
		list = append(list, map[string]any{"cell_type": "code", "source": strings.ReplaceAll(source, "\t", tab), "outputs": outputs})
	}
	content, err := json.Marshal(map[string]any{
		"nbformat": 4, "metadata": map[string]any{"kernelspec": map[string]any{"name": "gonb"}}, "cells": list,
	})
	if err != nil {
		t.Fatal(err)
	}
	return plantedFile(t, content)
}

func plantedFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "planted.ipynb")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Goal: whatever keeps a reader from seeing what is stored is found, and said
// in one line that names notebook and cell. Each of these notebooks has one
// fault.
func TestFaultsAreFound(t *testing.T) {
	text := "import \"fmt\"\n\n%%\nfmt.Println(1)\nfmt.Println(2)"
	for _, test := range []struct {
		name   string
		cells  []string
		stored []string
		want   string
		mended bool // by -update
	}{
		{"other text", []string{text}, []string{"1\n3\n"}, `cell 2: line 2 of its output is "2\n", and "3\n" is stored`, true},
		{"less text", []string{text}, []string{"1\n2\n3\n"}, `cell 2: line 3 of its output is "", and "3\n" is stored`, true},
		{"no end of line", []string{text}, []string{"1\n2"}, `cell 2: line 2 of its output is "2\n", and "2" is stored`, true},
		{"nothing stored", []string{text}, nil, `cell 2: no output is stored; go -C notebooks test . -update stores it`, true},
		{"other picture", []string{dot}, []string{"\x89PNG"}, `cell 2: picture 1, of 75 bytes, differs from the one of 4 bytes that is stored`, true},
		{"two pictures for one", []string{dot + "\ngonbui.DisplayPng([]byte(\"\\x89PNG\"))\ngonbui.Sync()"}, []string{"\x89PNG"}, `cell 2: pictures shown: 2, stored: 1`, true},
		{"text for a picture", []string{dot}, []string{"1\n"}, `cell 2: line 1 of its output is "", and "1\n" is stored`, true},
		{"a picture for text", []string{text}, []string{"\x89PNG"}, `cell 2: line 1 of its output is "1\n", and "" is stored`, true},
		{"the second cell", []string{text, "%%\nfmt.Println(3)"}, []string{"1\n2\n", "4\n"}, `cell 3: line 1 of its output is "3\n", and "4\n" is stored`, true},
		{"output without %%", []string{"const x = 1"}, []string{"1\n"}, `cell 2: line 1 of its output is "", and "1\n" is stored`, true},

		{"a panic", []string{"func deep() {\n\tpanic(\"x\")\n}\n\n%%\ndeep()"}, []string{"1\n"}, `cell 2: exit status 2: panic: x, at cell 2, line 2`, false},
		{"a panic of an earlier cell's", []string{"func deep() {\n\tpanic(\"x\")\n}", "%%\ndeep()"}, []string{"", "1\n"}, `cell 3: exit status 2: panic: x, at cell 2, line 2`, false},
		{"a panic below imports", []string{"import (\n\t\"fmt\"\n)\n\nfunc deep() {\n\tpanic(fmt.Sprint(7))\n}\n\n%%\ndeep()"}, []string{"1\n"}, `cell 2: exit status 2: panic: 7, at cell 2, line 6`, false},
		{"an exit", []string{"import \"os\"\n\n%%\nprintln(1)\nos.Exit(7)"}, []string{"1\n"}, `cell 2: exit status 7: 1`, false},
		{"stderr", []string{"%%\nprintln(1)"}, []string{"1\n"}, `cell 2: it writes to stderr: "1\n"`, false},
		{"silence", []string{"%%\n_ = 1"}, nil, `cell 2: it has a %% and shows nothing`, false},
		{"text and a picture", []string{"import \"fmt\"\n\n" + dot + "\nfmt.Println(1)"}, []string{"1\n"}, `cell 2: it prints and shows a picture, and GoNB keeps no order between the two`, false},
		{"HTML", []string{"import \"github.com/janpfeifer/gonb/gonbui\"\n\n%%\ngonbui.DisplayHTML(\"x\")\ngonbui.Sync()"}, []string{"x"},
			`cell 2: it shows what is not compared; want text on stdout, or image/png`, false},

		{"a name that is not there", []string{text, "%%\nfmt.Println(x)"}, []string{"1\n2\n", "1\n"}, `cell 3, line 2: undefined: x`, false},
		{"a name that comes later", []string{"%%\nprintln(x)", "const x = 1"}, nil, `cell 2, line 2: x is declared in cell 3, which runs later`, false},
		{"an import that comes later", []string{"%%\nfmt.Println(1)", text}, nil, `cell 2, line 2: fmt is declared in cell 3, which runs later`, false},
		{"a name declared twice", []string{"const x = 1", "const x = 2"}, nil, `cell 3, line 1: x redeclared in this block`, false},
		{"an import that is not used", []string{"import (\n\t\"os\"\n)"}, nil, `cell 2, line 2: "os" imported and not used`, false},
		{"an import that doc.go lacks", []string{"import \"racelab/model\"\n\n%%\nprintln(model.Offset(1))"}, nil, `cell 2, line 1: racelab/model is not among the imports in doc.go`, false},
		{"a local variable over a point", []string{"import \"racelab/sim\"\n\ntype member struct{ n int }\n\nfunc (m *member) Run(t *sim.Task) {\n\tn := m.n\n\tt.Step(\"a\")\n\tm.n = n\n}"}, nil,
			`cell 2, line 6: n outlives the point on line 7;`, false},
		{"no Go", []string{"func {"}, nil, `cell 2, line 1:`, false},
		{"not as gofmt has it", []string{"const  x = 1"}, nil, `cell 2: gofmt would change "const  x = 1"`, false},
		{"a shell line", []string{"!ls"}, nil, `cell 2: line 1, "!ls", is not Go;`, false},
		{"a test", []string{"%test"}, nil, `cell 2: line 1, "%test", is not Go;`, false},
		{"two mains", []string{"%%\n%%"}, nil, `cell 2: line 2, "%%", is not Go;`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := planted(t, test.cells, test.stored...)
			got := Check(path)
			if len(got) != 1 || !strings.HasPrefix(got[0], "planted.ipynb: "+test.want) || strings.Contains(got[0], "\n") {
				t.Errorf("Check: %q, want one line that begins with planted.ipynb: %s", got, test.want)
			}
			if test.mended {
				if got := append(Update(path), Check(path)...); got != nil {
					t.Errorf("after Update: %q", got)
				}
			}
		})
	}
}

// Goal: a cell with a tab is refused, as Jupyter draws an arrow for it.
func TestTabsAreRefused(t *testing.T) {
	_, err := compose([]Cell{{Source: Setup}, {Source: "func deep() {\n\tpanic(1)\n}"}})
	if err == nil || !strings.Contains(err.Error(), "cell 2: it has a tab") {
		t.Errorf("a cell with a tab: %v", err)
	}
}

// Goal: a text of a notebook has no link that leads into the repository: where a
// notebook is shown, it may lead nowhere.
func TestLinksAreAbsolute(t *testing.T) {
	paths, err := filepath.Glob("*.ipynb")
	if err != nil || paths == nil {
		t.Fatalf("notebooks: %v, error: %v", paths, err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Parse(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range n.Cells {
			for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(string(c.Source), -1) {
				if c.Type == "markdown" && !strings.HasPrefix(link[1], "https://") {
					t.Errorf("%s links to %s", path, link[1])
				}
			}
		}
	}
}

// Goal: what a faulty cell shows is not stored, nor what the others show.
func TestFaultsAreNotStored(t *testing.T) {
	path := planted(t, []string{"%%\nprint(1)", "import \"fmt\"\n\n%%\nfmt.Println(1)"})
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := Update(path); len(got) != 1 || got[0] != `planted.ipynb: cell 2: it writes to stderr: "1"` {
		t.Errorf("Update: %q", got)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Errorf("Update wrote %s", after)
	}
}

// Goal: a file that is no lesson says what is wrong with it.
func TestFilesAreRefused(t *testing.T) {
	good := `{"nbformat": 4, "metadata": {"kernelspec": {"name": "gonb"}}, "cells": [{"cell_type": "code", "outputs": [], "source": "!ls"}]}`
	for _, test := range []struct{ name, content, want string }{
		{"cut off", good[:60] + "\n", "line 2: unexpected end of JSON input"},
		{"not JSON", "{\n\"cells\": [}", "line 2: invalid character '}' looking for beginning of value"},
		{"another type", strings.Replace(good, `"!ls"`, `7`, 1), "line 1: json: cannot unmarshal number into Go struct field Cell.cells.source of type string"},
		{"another format", strings.Replace(good, `4`, `3`, 1), "its nbformat is 3; want 4"},
		{"another kernel", strings.Replace(good, `gonb`, `python3`, 1), `its kernel is "python3"; want "gonb"`},
		{"no Setup", good, "cell 1 is not the Setup of every lesson, which stands in program.go"},
		{"no cells", strings.Replace(good, `"code"`, `"raw"`, 1), "cell 1 is not the Setup of every lesson, which stands in program.go"},
	} {
		got := Check(plantedFile(t, []byte(test.content)))
		if len(got) != 1 || got[0] != "planted.ipynb: "+test.want {
			t.Errorf("%s: %q, want planted.ipynb: %s", test.name, got, test.want)
		}
	}
	if got := Check("missing.ipynb"); len(got) != 1 || !strings.Contains(got[0], "missing.ipynb: open missing.ipynb") {
		t.Errorf("a missing file: %q", got)
	}
}

// Goal: cells make one program, as under GoNB: what one declares or imports is
// there in the next, and may be imported again.
func TestCellsGoTogether(t *testing.T) {
	path := planted(t, []string{
		"import \"fmt\"\n\nconst x = 1\n\n%%\nfmt.Println(x)",
		"func twice(n int) int { return 2 * n }",
		"import (\n\t\"fmt\"\n)\n\n%%\nfmt.Println(twice(x))",
	}, "1\n", "", "2\n")
	if got := Check(path); got != nil {
		t.Error(got)
	}
}

// Goal: what -update writes is what Jupyter would have saved, to the byte.
// Method: testdata/jupyter.ipynb was executed and saved by Jupyter with GoNB;
// its outputs are damaged, and updated.
func TestUpdateWritesAsJupyterDoes(t *testing.T) {
	content, err := os.ReadFile("testdata/jupyter.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	path := plantedFile(t, content)
	if wrong := Check(path); wrong != nil {
		t.Fatalf("as Jupyter saved it: %q", wrong)
	}
	damage := strings.NewReplacer(`"execution_count": 2`, `"execution_count": null`, "line 2: <", "line 3: <", "iVBORw0KGgoAAAAN", "")
	path = plantedFile(t, []byte(damage.Replace(string(content))))
	if wrong := Update(path); wrong != nil {
		t.Fatalf("update: %q", wrong)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("after -update:\n%s\nwant, as Jupyter has it:\n%s", got, content)
	}
}

// Goal: Jupyter's ways to store text and a picture are read, and outputs that
// are not compared are refused, not passed over.
func TestStoredOutputsAreAllCompared(t *testing.T) {
	picture := base64.StdEncoding.EncodeToString([]byte("\x89PNG"))
	for _, test := range []struct {
		outputs string
		want    Shown
		err     string
	}{
		{`[{"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]}, {"output_type": "stream", "name": "stdout", "text": "3\n"}]`, Shown{Text: "1\n2\n3\n"}, ""},
		{`[{"output_type": "display_data", "data": {"image/png": "` + picture + `\n"}}]`, Shown{Pictures: [][]byte{[]byte("\x89PNG")}}, ""},
		{`[{"output_type": "stream", "name": "stderr", "text": "1\n"}]`, Shown{}, `a "stream stderr" is stored`},
		{`[{"output_type": "error", "ename": "ERROR"}]`, Shown{}, `a "error" is stored`},
		{`[{"output_type": "display_data", "data": {"text/html": "x"}}]`, Shown{}, `a "display_data" is stored`},
		{`[{"output_type": "display_data", "data": {"image/png": "` + picture + `", "text/plain": "x"}}]`, Shown{}, `a "display_data" is stored`},
		{`[{"output_type": "display_data", "data": {"image/png": "?"}}]`, Shown{}, "its stored picture is no base64"},
	} {
		var c Cell
		if err := json.Unmarshal([]byte(`{"cell_type": "code", "source": "", "outputs": `+test.outputs+`}`), &c); err != nil {
			t.Fatal(err)
		}
		got, err := c.Stored()
		if test.err == "" && (err != nil || !reflect.DeepEqual(got, test.want)) {
			t.Errorf("%s: %v, %v, want %v", test.outputs, got, err, test.want)
		}
		if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v, want %q", test.outputs, err, test.err)
		}
	}
}
