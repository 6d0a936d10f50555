package simtest

import _ "os"
