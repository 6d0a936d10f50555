package pool

import (
	"errors"
	"testing"
)

var errJob = errors.New("the job fails")

func jobs() []func() error {
	return []func() error{
		func() error { return nil },
		func() error { return errJob },
		func() error { return nil },
	}
}

func TestRun(t *testing.T) {
	if err := Run(jobs()); err != errJob {
		t.Error(err)
	}
}

func TestRunFixed(t *testing.T) {
	if err := RunFixed(jobs()); err != errJob {
		t.Error(err)
	}
}
