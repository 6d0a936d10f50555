package rawgo

import "time"

var began = time.Now()
