// Package producer holds what the models of writing clients share: the calls of
// a transactional client, their points, and a connection with several requests in
// flight. The clients stand below it, a package each; who uses them, in model/app.
package producer
