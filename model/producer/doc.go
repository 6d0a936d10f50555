// Package producer holds what the models of writing clients share: the calls of
// a transactional client, and their points. The clients stand below it, a
// package each; who uses them, in model/app.
package producer
