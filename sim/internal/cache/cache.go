//go:build amd64 || arm64

// Package cache brings memory into the processor's cache before it is needed.
package cache

import "unsafe"

// Fetch asks for the line of memory in which an address lies, and does not wait for it.
// Go has such a function, but for its runtime alone, so this is assembly:
// cache_amd64.s, cache_arm64.s. On other platforms cache_other.go does nothing.
//
//go:noescape
func Fetch(address unsafe.Pointer)
