package properties

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/anishathalye/porcupine"
)

// WriteHTML writes porcupine's picture of the history, partition by partition.
// It is the same to the byte each time.
func (h *CommitHistory) WriteHTML(w io.Writer) error {
	return writePage(w, MonotoneRegister(), h.history())
}

// writePage writes porcupine's picture of a history under a model.
func writePage(w io.Writer, model porcupine.Model, history []porcupine.Operation) error {
	var page bytes.Buffer
	_, info := porcupine.CheckOperationsVerbose(model, history, 0)
	if err := porcupine.Visualize(model, info, &page); err != nil {
		return err
	}
	steady, err := steadyPage(page.Bytes())
	if err != nil {
		return err
	}
	_, err = w.Write(steady)
	return err
}

// pageData is what the page draws.
type pageData struct {
	Partitions []struct {
		History               json.RawMessage
		PartialLinearizations [][]linearized
		Largest               map[int]int // by operation: the place of the longest with it
	}
	Annotations json.RawMessage
}

// linearized is a step of a linearization.
type linearized struct {
	Index            int // of the operation
	StateDescription string
}

// byLength compares linearizations, the longest first.
func byLength(a, b []linearized) int {
	return cmp.Or(cmp.Compare(len(b), len(a)),
		slices.CompareFunc(a, b, func(a, b linearized) int { return cmp.Compare(a.Index, b.Index) }))
}

// steadyPage orders the partial linearizations. porcupine collects them in a
// map, so those that are equally long come in another order each time.
func steadyPage(page []byte) ([]byte, error) {
	start := bytes.Index(page, []byte(`{"Partitions":`))
	if start < 0 {
		return nil, errors.New("properties: no data in porcupine's page")
	}
	var data pageData
	decoder := json.NewDecoder(bytes.NewReader(page[start:]))
	if err := decoder.Decode(&data); err != nil {
		return nil, err
	}
	for _, part := range data.Partitions {
		slices.SortFunc(part.PartialLinearizations, byLength)
		clear(part.Largest)
		for i, linearization := range part.PartialLinearizations {
			for _, step := range linearization {
				if _, ok := part.Largest[step.Index]; !ok {
					part.Largest[step.Index] = i
				}
			}
		}
	}
	ordered, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	return slices.Concat(page[:start], ordered, page[start+int(decoder.InputOffset()):]), nil
}
