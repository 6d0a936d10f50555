package conform

import (
	"flag"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"

	saramaclient "racelab/model/producer/sarama"
	"racelab/scenarios/concurrenttransactions"
	"racelab/sim"
)

var built = flag.String("built", "", "the version of Sarama that this binary was built with; empty: that of go.mod")

// version is that of the release in this binary.
func version(t *testing.T) string {
	if *built != "" {
		return *built
	}
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(file.Require, func(r *modfile.Require) bool { return r.Mod.Path == saramaPath })
	return file.Require[i].Mod.Version
}

const saramaPath = "github.com/IBM/sarama"

// releaseOf is the model of a version.
func releaseOf(version string) saramaclient.Release {
	for _, from := range []struct {
		version string
		release saramaclient.Release
	}{
		{"v1.61.1", saramaclient.Release1_61_1},
		{"v1.49.0", saramaclient.Release1_49_0},
		{"v1.48.0", saramaclient.Release1_48_0},
	} {
		if semver.Compare(version, from.version) >= 0 {
			return from.release
		}
	}
	return saramaclient.Release1_43_1
}

// draw draws a setting. No window ends in the very instant of a try: all backoffs
// are whole milliseconds.
func draw(r *rapid.T) concurrenttransactions.Params {
	p := concurrenttransactions.Scenario.Default()
	millis := func(name string, values ...int) time.Duration {
		return time.Duration(rapid.OneOf(rapid.SampledFrom(values), rapid.IntRange(values[0], values[len(values)-1])).Draw(r, name)) * time.Millisecond
	}
	p.Timed = true
	p.Transactions = rapid.IntRange(1, 4).Draw(r, "transactions")
	p.Records = rapid.IntRange(1, 3).Draw(r, "records")
	p.Max = rapid.OneOf(rapid.SampledFrom([]int{0, 1, 50}), rapid.IntRange(0, 60)).Draw(r, "max")
	p.ProducerMax = rapid.IntRange(1, 4).Draw(r, "producer-max")
	p.Backoff = millis("backoff", 1, 5, 20, 100, 150)
	p.Lag = sim.Constant(millis("lag", 0, 3, 50, 300, 2000, 6000) + 500*time.Microsecond)
	p.TooLarge = rapid.IntRange(0, p.Transactions).Draw(r, "too-large")
	return p
}

// Goal: in any setting the release does what the model does, at the same times.
func TestTransactions(t *testing.T) {
	release := releaseOf(version(t))
	rapid.Check(t, func(r *rapid.T) {
		p := draw(r)
		var got *conversation
		synctest.Test(t, func(*testing.T) { got = released(p) })
		if want := modelled(release, p); got.String() != want.String() {
			r.Fatalf("%s with %+v\nreleased:\n%v\nmodel:\n%v", version(t), p, got, want)
		}
	})
}
