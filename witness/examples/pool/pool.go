// Package pool does jobs in several workers and stops at the first error.
package pool

import "context"

// Run has a mistake: when a job fails it returns at once, and the workers that are
// not done yet wait for ever to hand in their results.
func Run(jobs []func() error) error {
	results := make(chan error)
	for _, job := range jobs {
		go func() { results <- job() }()
	}
	for range jobs {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

// RunFixed lets them go: whoever hands in too late sees that nobody listens.
func RunFixed(jobs []func() error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results := make(chan error)
	for _, job := range jobs {
		go func() {
			err := job()
			select {
			case results <- err:
			case <-ctx.Done():
			}
		}()
	}
	for range jobs {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}
