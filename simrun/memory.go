package simrun

import (
	"errors"
	"strconv"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"
)

// memory is the flag --memory, in bytes.
type memory int64

func (m *memory) flag(c *cobra.Command) {
	c.Flags().Var(m, "memory", "how much states may hold, such as 4GB; without it, half of what the machine or its container has; GOMEMLIMIT bounds it too")
}

// bytes bounds a search: what was asked for or, without that, half of what there is.
func (m memory) bytes() int64 {
	if m > 0 {
		return int64(m)
	}
	there, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil {
		return 0 // Then GOMEMLIMIT alone bounds it.
	}
	return int64(there / 2)
}

var units = []struct {
	name  string
	bytes float64
}{{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}}

// Set implements pflag.Value.
func (m *memory) Set(text string) error {
	for _, unit := range units {
		number, ok := strings.CutSuffix(strings.ToUpper(text), unit.name)
		if !ok {
			continue
		}
		if n, err := strconv.ParseFloat(number, 64); err == nil && n*unit.bytes >= 1 && n*unit.bytes < 1e18 {
			*m = memory(n * unit.bytes)
			return nil
		}
	}
	return errors.New("no size")
}

// String implements pflag.Value.
func (m *memory) String() string {
	if *m == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*m)/1e6, 10) + "MB"
}

// Type implements pflag.Value.
func (m *memory) Type() string { return "size" }
