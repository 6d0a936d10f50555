// Command board says how many of a class hold, by the lines that their grades gave.
package main

import (
	"fmt"
	"io"
	"os"

	"racelab/lab/exercise"
)

func main() {
	in := os.Stdin
	if len(os.Args) > 1 {
		file, err := os.Open(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		in = file
	}
	text, err := io.ReadAll(in)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	board := exercise.Board(string(text))
	if board == "" {
		fmt.Fprintln(os.Stderr, `no line is a grade; want "racelab EXERCISE HASH OUTCOME STATES WHAT"`)
		os.Exit(2)
	}
	fmt.Print(board)
}
