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
	"strings"

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
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // The level is one that there is,
	w.Write(engine)                                            // and a buffer takes all.
	w.Close()
	glue, err := goGlue()
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name, engine string
		content      []byte
	}{
		{"lab.wasm.gz", "", packed.Bytes()},
		{"index.html", `{"url": "lab.wasm.gz"}`, nil},
		{"lab.html", fmt.Sprintf(`{"data": %q, "size": %d}`, base85(packed.Bytes()), packed.Len()), nil},
	} {
		if file.content == nil {
			file.content = []byte(page(glue, file.engine))
		}
		if err := os.WriteFile(filepath.Join(dist, file.name), file.content, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d KB\n", filepath.Join(dist, file.name), len(file.content)>>10)
	}
	return nil
}

// page puts the page together. The engine is the JSON that says where it is.
func page(glue, engine string) string {
	var texts bytes.Buffer
	if err := json.Compact(&texts, []byte(part("texts.json"))); err != nil {
		panic("web: texts.json: " + err.Error())
	}
	return strings.NewReplacer(
		"{{css}}", view.RunCSS+part("lab.css"), "{{exec}}", glue, "{{worker}}", part("worker.js"),
		"{{engine}}", engine, "{{texts}}", texts.String(), "{{js}}", view.RunJS+part("lab.js"),
	).Replace(part("lab.html"))
}

// digits85 can all stand in a JavaScript text of a page.
const digits85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?_~|()[]{}@%$#"

// base85 writes four bytes as five digits: a quarter more, where base64 takes a third.
// What stands behind the last byte is zero.
func base85(data []byte) string {
	data = append(data, make([]byte, (4-len(data)%4)%4)...)
	out := make([]byte, 0, len(data)/4*5)
	for ; len(data) > 0; data = data[4:] {
		var digits [5]byte
		v := binary.BigEndian.Uint32(data)
		for i := range digits {
			digits[4-i] = digits85[v%85]
			v /= 85
		}
		out = append(out, digits[:]...)
	}
	return string(out)
}

func part(name string) string {
	text, err := parts.ReadFile("page/" + name)
	if err != nil {
		panic("web: " + err.Error()) // It is embedded.
	}
	return string(text)
}

// buildEngine compiles the engine. The file keeps its build ID, so an engine that has
// not changed is not linked again.
func buildEngine(file string) ([]byte, error) {
	c := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./web/engine")
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
