package sweeps_test

import (
	"strings"
	"testing"

	"racelab/sweeps"
)

// Goal: a file of windows is refused in one line, or read.
func FuzzReadWindows(f *testing.F) {
	f.Add("5ms\n12ms\n")
	f.Add("timestamp,window\n1,5\n2,NaN\n")
	f.Add("1e999\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := sweeps.ReadWindows(strings.NewReader(text), "file")
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has more than one line: %v", text, err)
		}
	})
}

// Goal: a log of a broker is refused in one line, or read.
func FuzzReadBrokerLog(f *testing.F) {
	f.Add("[2024-05-01 10:00:00,123] DEBUG TransactionalId app prepare transition from Ongoing to TxnTransitMetadata(txnState=PrepareCommit)\n")
	f.Add("[9999-99-99 99:99:99,999] x\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := sweeps.ReadBrokerLog(strings.NewReader(text), "file")
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has more than one line: %v", text, err)
		}
	})
}
