// Package scenarios is the registry of races, one package a race. Whoever lists,
// runs, checks or documents them reads it from here.
package scenarios
