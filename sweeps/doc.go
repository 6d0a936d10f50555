// Package sweeps asks one question of many settings: it runs a scenario in
// timed mode over a grid of parameters, each point with many seeds, and sums up
// what the runs measured with an interval. Numbers in, numbers out; package
// figures draws them.
//
// A sweep is one file: what is asked, the parameters, the panels (each varies
// one parameter), the series that are compared, what a run measures, how the
// measures of a point become columns, and the figures with the sentence that
// each shows. Everything else is done once, here: settings, seeds, workers,
// intervals, the journal that lets a killed sweep go on, and the CSV.
package sweeps
