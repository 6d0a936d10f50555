//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// used is the time of the processor that processes which this one started have used, as far
// as they have ended, but for that of the kernel.
func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano())
}

// BenchmarkSchedules explores 2,000 schedules, of the kernel 20,000, without what comes before and after them:
// to build, to shrink and to repeat what is found. It counts the time of the processor, as
// other processes may use the machine too. It is one iteration long: -benchtime 1x.
func BenchmarkSchedules(b *testing.B) {
	for name, args := range map[string][]string{
		"rewind":   {"release", "sarama@v1.43.2", "rewind"},
		"throttle": {"release", "sarama@v1.43.0", "throttle"},
		"kernel":   {"test", "-all", "-keep=false", "-C", "testdata/kernels", "-run", "^TestCrossed$"},
	} {
		b.Run(name, func(b *testing.B) {
			explore := func(runs int) time.Duration {
				began := used(b)
				var out bytes.Buffer
				if code, err := command(b.Context(), append(slices.Clone(args), "-count", "-runs", strconv.Itoa(runs)), &out, &out); err != nil || code == exitUsage {
					b.Fatalf("exit code %d, %v:\n%s", code, err, out.String())
				}
				return used(b) - began
			}
			explore(100) // builds it
			runs := 2000
			if name == "kernel" {
				runs *= 10
			}
			few := explore(100)
			for b.Loop() {
				took := explore(100+runs) - few
				b.ReportMetric(float64(runs)/took.Seconds(), "schedules/CPU-s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkSecondBuild edits a test of the kernels and explores it in one schedule: nearly
// all of that is to build it anew.
func BenchmarkSecondBuild(b *testing.B) {
	dir := b.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/kernels")); err != nil {
		b.Fatal(err)
	}
	explore := func() time.Duration {
		f, err := os.OpenFile(filepath.Join(dir, "locks_test.go"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.WriteString("\nvar _ = 1\n"); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		began := used(b)
		var out bytes.Buffer
		if code, err := command(b.Context(), []string{"test", "-all", "-keep=false", "-C", dir, "-run", "^TestOrderedFine$", "-runs", "1"}, &out, &out); err != nil || code != exitHolds {
			b.Fatalf("exit code %d, %v:\n%s", code, err, out.String())
		}
		return used(b) - began
	}
	explore()
	for b.Loop() {
		b.ReportMetric(explore().Seconds(), "CPU-s")
	}
	b.ReportMetric(0, "ns/op")
}
