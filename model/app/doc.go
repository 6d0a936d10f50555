// Package app models applications that stand above a client: who writes in
// transactions, and who reads what became of them.
package app
