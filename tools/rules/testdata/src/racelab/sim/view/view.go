package view

import _ "sync" // want `imports sync; a task is a coroutine of the world`
