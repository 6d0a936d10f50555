package main

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"
)

// BenchmarkSchedules explores 2,000 schedules, without what comes before and after them:
// to build, to shrink and to repeat what is found. It is one iteration long: -benchtime 1x.
func BenchmarkSchedules(b *testing.B) {
	for name, args := range map[string][]string{
		"rewind":   {"release", "sarama@v1.43.2", "rewind"},
		"throttle": {"release", "sarama@v1.43.0", "throttle"},
		"kernel":   {"test", "-all", "-keep=false", "-C", "testdata/kernels", "-run", "^TestCrossed$"},
	} {
		b.Run(name, func(b *testing.B) {
			explore := func(runs int) time.Duration {
				began := time.Now()
				var out bytes.Buffer
				if code, err := command(b.Context(), append(slices.Clone(args), "-count", "-runs", strconv.Itoa(runs)), &out, &out); err != nil || code == exitUsage {
					b.Fatalf("exit code %d, %v:\n%s", code, err, out.String())
				}
				return time.Since(began)
			}
			explore(100) // builds it
			const runs = 2000
			few := explore(100)
			for b.Loop() {
				took := explore(100+runs) - few
				b.ReportMetric(runs/took.Seconds(), "schedules/s")
				b.ReportMetric(took.Seconds(), "s/2000")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
