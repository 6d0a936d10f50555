package notebooks

import (
	"strings"
	"testing"
)

// Goal: a file is refused in one line, or is a notebook whose cells can be read.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"nbformat": 4, "metadata": {"kernelspec": {"name": "gonb"}}, "cells": [{"cell_type": "code", "source": ["x := 1\n", "x"],
		"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}, {"output_type": "display_data", "data": {"image/png": "AAAA"}}]}]}`))
	f.Add([]byte(`{"nbformat": 3}`))
	f.Add([]byte("{\n\"cells\": [null, {\"source\": null}, {\"source\": 1}]}"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		n, err := Parse(content)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has more than one line: %v", content, err)
			}
			return
		}
		for _, c := range n.Code() {
			if _, err := c.Stored(); err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error of a cell has more than one line: %v", content, err)
			}
		}
	})
}
