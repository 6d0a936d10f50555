// Package simrun is the command that runs, explores and checks scenarios: the
// lab's, or one's own.
//
//	func main() { simrun.Main(mine.DoubleLoad) }
//
// SCENARIO is NAME, NAME/VARIANT or either with @SETTING. Where none is named, it is
// the variant that has the race, at its defaults.
//
//	simrun list                         every scenario; --release sarama@1.43.2: what that has
//	simrun show SCENARIO                its story, what to do, its verdicts
//	simrun why TEXT                     from a line of a log to the race behind it
//	simrun run SCENARIO                 one run, as a picture
//	simrun play SCENARIO                you are the scheduler: try to break it
//	simrun explore SCENARIO             a search through all runs
//	simrun diff SCENARIO VARIANT VARIANT  where one schedule parts two variants
//	simrun check [SCENARIO...]          every variant against its expected verdicts
//	simrun sweep [NAME]                 odds and costs over a grid of parameters: CSV, PNG, SVG
//	simrun merge DIR                    the results of shards, put together; see docs/scale.md
//	simrun advise                       the backoff and the retries for the windows of your cluster
//	simrun conform --broker HOST:PORT   ask a broker what docs/specification.md says
//	simrun version, completion, help
//
// # Exit codes
//
//	0    holds (check: all as expected; run: nothing broke that the table has as holding)
//	1    broken (check, run: something is not as expected)
//	2    usage
//	3    deadlock or no progress
//	4    vacuous (why: nothing known fits)
//	5    unfinished
//	130  interrupted; what was reached is printed
//	143  terminated (SIGTERM), likewise
//
// Where several apply, 1 comes before 3, 3 before 4, and 4 before 5. A run is a
// demonstration; with --exit-status it exits with its verdict. "go run" turns every
// exit code into 1.
//
// # Output
//
// Results go to stdout, all else to stderr. Long work says how far it is: on a
// terminal after a second, in one line; elsewhere by a line every 30 seconds. A
// command that is printed names the program as it was called. Files that are
// generated for all (RACES.md, CSV) name it simrun.
//
// A schedule of more than 200 characters is not printed. With --save it is written
// to a file, and the command names the file: --schedule @FILE.
//
// # JSON
//
// With --json a command writes one JSON value, check an object a line, as verdicts
// are earned. Each begins with its schema, "racelab.explore/1", and the version of
// the program. Fields are added; if the meaning of one changes, the number of the
// schema rises. The schemas are files in docs/schema. An error is JSON on stderr:
// {schema, version, error, exit, nearest, possible}.
//
// The JSON of advise is {windows, parameters, failures, seeds, finding, optimum,
// clients, tv2, rows, repeat}, rows as those of a sweep. A client is {client, release,
// verdict, setting, default, paste, says, throughput, share, gain, answers, load,
// failed}; its verdict is "matters", "out of retries" (Max matters, the backoff does
// not), "no conflict" or "no difference", and where it is one of the last two, setting
// is the default and paste empty. A setting is {backoff_ms, max}; max is null where
// nothing counts the retries.
package simrun
