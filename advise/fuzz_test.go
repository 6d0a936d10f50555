package advise_test

import (
	"strings"
	"testing"

	"racelab/advise"
)

// Goal: a file of windows, a column of numbers or a broker's log, is refused in
// one line, or read.
func FuzzRead(f *testing.F) {
	f.Add("5ms\n12ms\n", "ms")
	f.Add("window\n1\n2\nNaN\n", "")
	f.Add("1e999\n", "us")
	f.Add("[2024-05-01 10:00:00,123] DEBUG TransactionalId app prepare transition from Ongoing to TxnTransitMetadata(txnState=PrepareCommit)\n", "")
	f.Add("txnmgr/add-partition-to-txn retrying after 20ms... (99999999999999999999 attempts remaining) (kafka server: The producer attempted to update a transaction while another\n", "")
	f.Add("[9999-99-99 99:99:99,999] x\n\x00", "s")
	f.Fuzz(func(t *testing.T, text, unit string) {
		_, err := advise.Read(strings.NewReader(text), "file", unit)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has more than one line: %v", text, err)
		}
	})
}
