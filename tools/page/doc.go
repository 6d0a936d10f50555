// Package page drives the lab's page in a browser, as a learner would. It has tests
// alone.
package page
