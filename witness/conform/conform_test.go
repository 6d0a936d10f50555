package conform

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
	"pgregory.net/rapid"

	"racelab/model"
	"racelab/model/producer/kgo"
	saramaclient "racelab/model/producer/sarama"
	"racelab/scenarios/concurrenttransactions"
	"racelab/sim"
)

var built = flag.String("built", "", "the release that this binary was built with, sarama@v1.61.1; empty: those of go.mod")

// version is that of a client in this binary.
func version(t *testing.T, client string) string {
	if of, version, _ := strings.Cut(*built, "@"); of == client {
		return version
	}
	content, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(file.Require, func(r *modfile.Require) bool { return r.Mod.Path == modules[client] })
	return file.Require[i].Mod.Version
}

// from is the model that holds from a version on.
type from[R any] struct {
	version string
	release R
}

// releaseOf is the model of a version: the models are in the order of their versions.
func releaseOf[R any](version string, models ...from[R]) (release R) {
	for _, m := range models {
		if semver.Compare(version, m.version) >= 0 {
			release = m.release
		}
	}
	return release
}

func saramaRelease(t *testing.T) saramaclient.Release {
	return releaseOf(version(t, "sarama"),
		from[saramaclient.Release]{"v1.37.0", saramaclient.Release1_43_1}, from[saramaclient.Release]{"v1.48.0", saramaclient.Release1_48_0},
		from[saramaclient.Release]{"v1.49.0", saramaclient.Release1_49_0}, from[saramaclient.Release]{"v1.61.1", saramaclient.Release1_61_1})
}

func kgoRelease(t *testing.T) kgo.Release {
	return releaseOf(version(t, "franz-go"), from[kgo.Release]{"v1.15.0", kgo.Release1_15_0}, from[kgo.Release]{"v1.21.4", kgo.Release1_22_2}, from[kgo.Release]{"v1.22.3", kgo.Release1_22_3})
}

// draw draws a setting. No window ends in the very instant of a try: all backoffs
// are whole milliseconds.
func draw(r *rapid.T) (p transacting) {
	p.Params = concurrenttransactions.Scenario.Default()
	millis := func(name string, values ...int) time.Duration {
		return time.Duration(rapid.OneOf(rapid.SampledFrom(values), rapid.IntRange(values[0], values[len(values)-1])).Draw(r, name)) * time.Millisecond
	}
	p.Timed, p.BrokerRetry = true, 0
	p.Transactions = rapid.IntRange(1, 12).Draw(r, "transactions")
	p.Records = rapid.IntRange(1, 10).Draw(r, "records")
	p.Max = rapid.OneOf(rapid.SampledFrom([]int{0, 1, 50}), rapid.IntRange(0, 150)).Draw(r, "max")
	p.ProducerMax = rapid.IntRange(1, 8).Draw(r, "producer-max")
	p.Backoff = millis("backoff", 1, 5, 20, 100, 150, 300)
	p.Lag = sim.Constant(millis("lag", 0, 3, 50, 300, 2000, 6000, 8000) + 500*time.Microsecond)
	p.TooLarge = rapid.IntRange(0, p.Transactions).Draw(r, "too-large")
	p.ReadTimeout = millis("read-timeout", 1000, 5000, 15_000) // Of two, no transaction times out, which the fake coordinator leaves out.
	switch rapid.IntRange(0, 2).Draw(r, "what else") {
	case 1:
		p.silent.from, p.silent.hears = rapid.IntRange(2, 30).Draw(r, "silent"), rapid.Bool().Draw(r, "hears")
		p.Silences = rapid.IntRange(1, 2).Draw(r, "silences")
		p.silent.n = p.Silences
	case 2:
		p.Inside = millis("inside", 0, 20, 50, 500, 3000, 20000) + 250*time.Microsecond
		p.Commit = rapid.Bool().Draw(r, "commit")
		p.Flush = rapid.Bool().Draw(r, "flush")
		if rapid.Bool().Draw(r, "deadline") {
			p.Timeout = millis("timeout", 0, 30, 100, 1000, 3000, 30000) + 125*time.Microsecond
		}
	}
	return p
}

// Goal: in any setting a release of Sarama does what the model does, at the same
// times.
func TestSaramaTransactions(t *testing.T) {
	conforms(t, "sarama", newSarama, concurrenttransactions.Sarama(saramaRelease(t)))
}

// Goal: likewise franz-go.
func TestKgoTransactions(t *testing.T) {
	conforms(t, "franz-go", newKgo, concurrenttransactions.Kgo(kgoRelease(t), model.TV1))
}

// Goal: likewise franz-go under TV2.
func TestKgoTransactionsTV2(t *testing.T) {
	if semver.Compare(version(t, "franz-go"), "v1.21.4") < 0 {
		return // EndTransaction sends nothing if no record was written; up to 1.19.5 there is no TV2.
	}
	conforms(t, "franz-go", newKgoTV2, concurrenttransactions.Kgo(kgoRelease(t), model.TV2))
}

func conforms(t *testing.T, released string, connect func(*cluster, concurrenttransactions.Params) client, model concurrenttransactions.Client) {
	rapid.Check(t, func(r *rapid.T) {
		p := draw(r)
		var got *conversation
		synctest.Test(t, func(*testing.T) { got = talks(connect, p) })
		if want := modelled(model, p); got.String() != want.String() {
			r.Fatalf("%s %s with %+v\nreleased:\n%v\nmodel:\n%v", released, version(t, released), p, got, want)
		}
	})
}
