// Package app models applications that stand above a client: who writes in
// transactions, who reads what became of them, and what services have beside a
// client: a local database and a topic.
package app
