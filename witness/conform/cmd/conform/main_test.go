package main

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Goal: the exit code says whether all answers are Kafka's, and bad input gets one line
// that says what is possible.
func TestCommand(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"", exitUsage, "no broker: say --broker HOST:PORT"},
		{"--fast", exitUsage, "unknown flag: --fast"},
		{"--broker " + address + " nothing", exitUsage, `there is no sequence "nothing"; there are begin, `},
		{"--broker 127.0.0.1:1", exitUsage, "no broker answers at 127.0.0.1:1"},
		{"--help", exitHolds, "sequence numbers: a duplicate"},
		{"--broker " + address + " begin two", exitHolds, "All answers are allowed by Kafka 4.3."},
		{"--broker " + address + " end-nothing-tv1", exitBroken, "1 answer is not that of Kafka 4.3."},
	} {
		out := &bytes.Buffer{}
		code, err := command(context.Background(), strings.Fields(test.args), out)
		text := out.String()
		if err != nil {
			text += err.Error()
		}
		if code != test.code || !strings.Contains(text, test.says) {
			t.Errorf("conform %s: exit %d with %q, want %d and %q", test.args, code, text, test.code, test.says)
		}
	}
}

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Goal: what cannot be written is an error.
func TestHelpThatCannotBeWritten(t *testing.T) {
	if code, err := command(context.Background(), []string{"--help"}, full{}); code != exitUsage || err == nil {
		t.Errorf("--help: exit code %d and %v, want %d and an error", code, err, exitUsage)
	}
}
