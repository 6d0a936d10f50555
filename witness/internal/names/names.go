// Package names turns names of tests into names of experiments.
package names

import "strings"

// Experiment turns TestConcurrentTransactions into concurrent-transactions.
func Experiment(test string) string {
	var b strings.Builder
	for i, r := range strings.TrimPrefix(test, "Test") {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Test turns concurrent-transactions into TestConcurrentTransactions.
func Test(experiment string) string {
	var b strings.Builder
	b.WriteString("Test")
	for word := range strings.SplitSeq(experiment, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
