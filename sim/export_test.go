package sim

// Resume lets a task go on, without anything around it.
func (w *World) Resume(task int) { w.tasks[task].step() }
