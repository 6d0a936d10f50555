// Package figures draws what sweeps found, in one house style: the finding as a
// headline, a grey note that says what the numbers rest on, the keys in a row
// above the plot, and as little else as can be. The same result gives the same
// bytes.
package figures
