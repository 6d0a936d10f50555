// Package config holds what the configuration check of each client refuses, in
// that client's own words. A model is made with a configuration that its release
// accepts, or it is not made: Must refuses the rest.
//
// Modelled: the fields that a scenario, a sweep or an advice sets, and those that
// idempotence and transactions depend on. The tables of Sarama and franz-go are
// held against the released checks, called for real: go -C witness/conform test ..
// That of Java was read and is not run.
package config
