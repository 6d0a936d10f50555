package main

import (
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// status says on a terminal how far long work is. In a pipe it says nothing.
type status struct {
	progress *mpb.Progress // nil: not a terminal
	bar      *mpb.Bar      // nil: nothing was shown yet
	text     atomic.Pointer[string]
}

func newStatus(w io.Writer) *status {
	s := &status{}
	if isTerminal(w) {
		s.progress = mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	}
	return s
}

// show tells how much of a total is done. Of a search nobody knows the total:
// then it is 0, and there is no bar.
func (s *status) show(text string, done, total int) {
	if s.progress == nil {
		return
	}
	s.text.Store(&text)
	if s.bar == nil {
		said := decor.Any(func(decor.Statistics) string { return *s.text.Load() + " " })
		if total > 0 {
			s.bar = s.progress.AddBar(int64(total), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(said),
				mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
		} else {
			s.bar = s.progress.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(said))
		}
	}
	s.bar.SetCurrent(int64(done))
}

// clear takes the line away.
func (s *status) clear() {
	if s.progress == nil {
		return
	}
	if s.bar != nil {
		s.bar.Abort(true)
	}
	s.progress.Wait()
}
