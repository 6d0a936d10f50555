package main

import (
	"os"
	"testing"
)

// TestMain goes where the command is run: to the folder of the module.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
