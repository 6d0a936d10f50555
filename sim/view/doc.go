// Package view renders what a run did: as lanes of text for people, as JSON
// for machines.
package view
