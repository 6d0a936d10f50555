package main

import (
	"flag"
	"os"
	"testing"
)

// TestMain goes where the command is run: to the folder of the module. With -short
// no release is built and searched.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		return
	}
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
