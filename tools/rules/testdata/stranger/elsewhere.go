//go:build never

package stranger

import "os" // wrong

var _ = os.Args
