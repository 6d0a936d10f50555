// Package experiment holds what the command asks, and what the driver that it
// builds answers. They are two processes.
package experiment
