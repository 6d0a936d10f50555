package notebooks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Notebook is a lesson as it lies in its file.
//
// Source: nbformat 4.
type Notebook struct {
	Format   int `json:"nbformat"`
	Metadata struct {
		Kernel struct {
			Name string `json:"name"`
		} `json:"kernelspec"`
	} `json:"metadata"`
	Cells []Cell `json:"cells"`
}

// Cell is text, or code with what it showed.
type Cell struct {
	Type    string   `json:"cell_type"` // code, markdown, raw
	Source  Lines    `json:"source"`
	Outputs []Output `json:"outputs"`
}

// Output is a piece of what a cell showed.
type Output struct {
	Type string           `json:"output_type"` // stream, display_data, execute_result, error
	Name string           `json:"name"`        // of a stream: stdout, stderr
	Text Lines            `json:"text"`        // of a stream
	Data map[string]Lines `json:"data"`        // of others, by MIME type
}

// Lines are text, which a file may have as one string, or as a list.
type Lines string

func (l *Lines) UnmarshalJSON(data []byte) error {
	var list []string
	if data[0] != '[' {
		return json.Unmarshal(data, (*string)(l))
	}
	err := json.Unmarshal(data, &list)
	*l = Lines(strings.Join(list, ""))
	return err
}

// png is the MIME type of the pictures that cells show.
const png = "image/png"

// Parse reads a notebook.
func Parse(content []byte) (*Notebook, error) {
	n := &Notebook{}
	if err := json.Unmarshal(content, n); err != nil {
		return nil, where(content, err)
	}
	switch {
	case n.Format != 4:
		return nil, fmt.Errorf("its nbformat is %d; want 4", n.Format)
	case n.Metadata.Kernel.Name != "gonb":
		return nil, fmt.Errorf("its kernel is %q; want \"gonb\"", n.Metadata.Kernel.Name)
	}
	return n, nil
}

// where adds the line to an error of json.
func where(content []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := 0
	switch {
	case errors.As(err, &syntax):
		offset = int(syntax.Offset)
	case errors.As(err, &kind):
		offset = int(kind.Offset)
	}
	return fmt.Errorf("line %d: %w", 1+bytes.Count(content[:min(offset, len(content))], []byte("\n")), err)
}

// Code lists the code cells. The first is cell 1, as Jupyter counts them.
func (n *Notebook) Code() []Cell {
	return slices.DeleteFunc(slices.Clone(n.Cells), func(c Cell) bool { return c.Type != "code" })
}

// Shown is what a cell shows: text, or pictures.
type Shown struct {
	Text     string
	Pictures [][]byte // PNG
}

// Stored returns what the file says that a cell shows.
func (c *Cell) Stored() (Shown, error) {
	var s Shown
	for _, o := range c.Outputs {
		picture, hasPicture := o.Data[png]
		switch {
		case o.Type == "stream" && o.Name == "stdout":
			s.Text += string(o.Text)
		case o.Type == "display_data" && hasPicture && len(o.Data) == 1:
			content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(picture), "\n", ""))
			if err != nil {
				return s, fmt.Errorf("its stored picture is no base64: %w", err)
			}
			s.Pictures = append(s.Pictures, content)
		default:
			return s, fmt.Errorf("a %q is stored, which is not compared; want text on stdout, or %s",
				strings.TrimSpace(o.Type+" "+o.Name), png)
		}
	}
	return s, nil
}

func (s Shown) isNothing() bool { return s.Text == "" && s.Pictures == nil }

// differs says in one line how what is shown differs from what is stored.
func (s Shown) differs(stored Shown) error {
	if is, was := strings.SplitAfter(s.Text, "\n"), strings.SplitAfter(stored.Text, "\n"); s.Text != stored.Text {
		i := 0
		for i < min(len(is), len(was))-1 && is[i] == was[i] {
			i++
		}
		return fmt.Errorf("line %d of its output is %.200q, and %.200q is stored", i+1, is[i], was[i])
	}
	if is, was := len(s.Pictures), len(stored.Pictures); is != was {
		return fmt.Errorf("pictures shown: %d, stored: %d", is, was)
	}
	for i, is := range s.Pictures {
		if was := stored.Pictures[i]; !bytes.Equal(is, was) {
			return fmt.Errorf("picture %d, of %d bytes, differs from the one of %d bytes that is stored", i+1, len(is), len(was))
		}
	}
	return nil
}

// outputs is what a cell shows, as Jupyter stores it.
func (s Shown) outputs() []any {
	outputs := []any{}
	if s.Text != "" {
		lines := slices.Collect(strings.Lines(s.Text))
		outputs = append(outputs, map[string]any{"output_type": "stream", "name": "stdout", "text": lines})
	}
	for _, picture := range s.Pictures {
		outputs = append(outputs, map[string]any{
			"output_type": "display_data", "metadata": map[string]any{},
			"data": map[string]any{png: base64.StdEncoding.EncodeToString(picture)},
		})
	}
	return outputs
}

// rewrite returns the file with other outputs of its code cells. All else in it
// stays, in the form in which Jupyter saves it.
func rewrite(content []byte, shown []Shown) ([]byte, error) {
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	code := 0
	for _, c := range tree["cells"].([]any) {
		if cell := c.(map[string]any); cell["cell_type"] == "code" {
			cell["outputs"] = shown[code].outputs()
			code++
			cell["execution_count"] = code
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(tree)
	return b.Bytes(), err
}
