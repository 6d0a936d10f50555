//go:build unix

package signal

import "syscall"

// Kill is syscall.Kill.
func Kill(pid int, sig syscall.Signal) error {
	if raises(pid, sig) {
		return nil
	}
	return syscall.Kill(pid, sig)
}
