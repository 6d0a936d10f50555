// Simrun runs, explores and checks the lab's scenarios.
//
//	simrun list                 every scenario and its variants
//	simrun show SCENARIO        its story, its claims, its code
//	simrun run SCENARIO         one run, as a picture
//	simrun explore SCENARIO     a search through all runs
//	simrun check [SCENARIO...]  every variant against its expected verdicts
//	simrun sweep [NAME]         odds and costs over a grid of parameters: CSV, PNG, SVG
//	simrun advise               the backoff and the retries for the windows of your cluster
//
// # Exit codes
//
//	0    holds (check: all as expected)
//	1    broken (check: something is not as expected)
//	2    usage
//	3    deadlock or no progress
//	4    not exercised
//	5    unfinished
//	130  interrupted; what was reached is printed
//
// Where several apply, 1 comes before 3, 3 before 4, and 4 before 5.
//
// # JSON
//
// With --json (for run: --format json) a command writes one JSON value, and the
// exit code stays the same. Fields are added, never changed. For pages, run also
// has --format mermaid, and, where clients commit and fetch, --format porcupine: an
// HTML page with the history of each partition, and how far it can be put in order.
//
//   - list: an array of {name, title, stake, parameters, variants, worlds,
//     properties, claims}, and needs where there are any: which variants give
//     what.
//   - run: see RunJSON in package racelab/sim/view.
//   - explore: {scenario, variant, parameters, strategy, states, transitions,
//     classes, redundant, runs, steps, complete, schedules, bad, guarantee,
//     verdicts}, a verdict being {property, outcome, bad, error, schedule,
//     shortest, seed, repeat}.
//   - check: {as_expected, rows}, a row being {scenario, variant, world,
//     property, expected, outcome, as_expected, states, transitions}.
//   - sweep: an array of {name, title, question, measured, parameters, panels,
//     series, columns, seeds}; sweep NAME: {sweep, parameters, seeds, findings,
//     rows, repeat}, a row being {panel, value, series, columns} and a column
//     {value, low, high} by its name.
//   - advise: {windows, parameters, failures, seeds, finding, optimum, clients, tv2,
//     rows, repeat}, rows as those of a sweep. A client is {client, release,
//     verdict, setting, default, paste, says, throughput, share, gain, answers,
//     load, failed}; its verdict is "matters", "out of retries" (Max matters, the
//     backoff does not), "no conflict" or "no difference", and where it is one of
//     the last two, setting is the default and paste empty. A setting is
//     {backoff_ms, max}; max is null where nothing counts the retries.
package main
