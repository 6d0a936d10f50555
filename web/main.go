// Command web builds the lab's page: the engine for WebAssembly, and around it
// dist/lab.html, which is all in one file and opens from a folder, and dist/index.html
// with dist/lab.wasm.gz for a static host.
//
//	go run ./web
package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"

	"racelab/sim/view"
)

//go:embed page
var parts embed.FS

func main() {
	if err := build("dist"); err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

func build(dist string) error {
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	engine, err := buildEngine(filepath.Join(dist, "lab.wasm"))
	if err != nil {
		return err
	}
	packed := gzipped(engine)
	glue, err := goGlue()
	if err != nil {
		return err
	}
	lessons, err := lessonsOf(".")
	if err != nil {
		return err
	}
	words := inScript(map[string]any{"texts": json.RawMessage(part("texts.json")), "chinese": json.RawMessage(part("zh.json")), "lessons": lessons})
	packedWords := gzipped([]byte(words))
	alone := page(glue, fmt.Sprintf(`{"size": %d, "words": %d}`, len(packed), len(packedWords)))
	before, rest, _ := strings.Cut(alone, wordsMark)
	between, after, _ := strings.Cut(rest, engineMark)
	utf := func(text string) []uint16 { return utf16.Encode([]rune(text)) }
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"lab.wasm.gz", packed},
		{"index.html", []byte(strings.NewReplacer(wordsMark, words, engineMark, "").Replace(page(glue, `{"url": "lab.wasm.gz"}`)))},
		{"lab.html", inUTF16(slices.Concat(utf(before), units(packedWords), utf(between), units(packed), utf(after)))},
	} {
		if err := os.WriteFile(filepath.Join(dist, file.name), file.content, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d KB\n", filepath.Join(dist, file.name), len(file.content)>>10)
	}
	return nil
}

// These stand in the page where its words and its engine belong. In the one file both are
// packed: a character there takes two bytes.
const wordsMark, engineMark = "{{words}}", "{{units}}"

// page puts the page together, but for its words and its engine. The JSON says where that
// is.
func page(glue, engine string) string {
	return strings.NewReplacer(
		"{{css}}", view.RunCSS+part("lab.css"), "{{exec}}", glue, "{{worker}}", part("worker.js"), "{{engine}}", engine,
		"{{js}}", view.RunJS+part("lab.js"),
	).Replace(part("lab.html"))
}

func gzipped(data []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // The level is one that there is,
	w.Write(data)                                              // and a buffer takes all.
	w.Close()
	return packed.Bytes()
}

// inScript is a value as a script of a page may hold it: nothing in it ends the script.
func inScript(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // It would write six characters for each <.
	if err := e.Encode(v); err != nil {
		panic("web: " + err.Error())
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "</", `<\/`)
}

// inUTF16 writes a page as UTF-16, whose byte order mark counts for more than what a
// server or the page says of its encoding.
func inUTF16(page []uint16) []byte {
	out := make([]byte, 0, 2+2*len(page))
	out = binary.LittleEndian.AppendUint16(out, 0xfeff)
	for _, unit := range page {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

// escape stands before a unit that cannot stand in a page as it is, and has another
// highest bit there.
const escape = 0xe000

// units writes two bytes as a unit of UTF-16: a thirtieth more, where base64 takes a
// third. What stands behind the last byte is zero.
func units(data []byte) []uint16 {
	data = append(data, make([]byte, len(data)%2)...)
	out := make([]uint16, 0, len(data)*21/40)
	for ; len(data) > 0; data = data[2:] {
		switch unit := binary.LittleEndian.Uint16(data); {
		case unit < ' ', unit == '<', unit == escape, unit >= 0xd800 && unit < 0xe000, unit == 0xfeff, unit >= 0xfffe:
			out = append(out, escape, unit^0x8000)
		default:
			out = append(out, unit)
		}
	}
	return out
}

func part(name string) string {
	text, err := parts.ReadFile("page/" + name)
	if err != nil {
		panic("web: " + err.Error()) // It is embedded.
	}
	return string(text)
}

// buildEngine compiles the engine. The file keeps its build ID, so an engine that has
// not changed is not linked again. What only describes scenarios is not inlined: that is a
// twentieth of the page, and no search spends its time there.
func buildEngine(file string) ([]byte, error) {
	c := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-gcflags=./scenario=-l", "-gcflags=./scenarios/...=-l", "-o", file, "./web/engine")
	c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go build ./web/engine: %w; run it from the root of the repository", err)
	}
	return os.ReadFile(file)
}

// goGlue is the script of the Go distribution that lets its programs run in a browser.
func goGlue() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	return string(script), err
}
