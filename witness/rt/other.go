//go:build !amd64 && !arm64

package rt

// Who calls, and from where, is read from registers; see self_amd64.s.
var _ = the_witness_runs_on_amd64_and_arm64
