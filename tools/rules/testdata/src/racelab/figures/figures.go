package figures

import "time"

// A seed need not decide what is drawn.
var Began = time.Now()
