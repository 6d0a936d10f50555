// Package explore searches the runs of a system for one that breaks a
// property, and says what was explored when none does.
//
// # Which strategy
//
// Start with States. It visits every state that can be reached, breadth first,
// on all processors, and ends with proof or with a shortest schedule. A few
// million states are a matter of seconds.
//
// Exhaustive runs every happens-before class of schedules once. It is the other
// way to proof: better where few steps depend on each other, and where what is
// judged is a whole history rather than a state. Neither is always smaller; try
// both.
//
// Where neither ends, sample. PCT first: a bug that needs few orders (its depth)
// is found with a probability that has a lower bound, and the bound is printed.
// Uniform gives every interleaving the same chance, so the share of bad runs
// means something. Walk is the plainest, favours runs whose tasks end early, and
// is repeated by its seed alone.
//
// # What a verdict means
//
//   - Broken: this schedule breaks the property. States shows one that no other
//     beats in steps, then in switches; what the other strategies find, Shrink
//     makes as short.
//   - Exhausted: no reachable state, or no class of schedules, breaks it. True of
//     this world with these parameters, of the model and not of the client, and up
//     to the chance that two states have one fingerprint (n states: about
//     n^2/2^65, 10^-7 for two million).
//   - Sampled: 0 of n runs broke it, so under this sampler, and only under it, a
//     run breaks it with a probability below 3/n (95 % confidence).
//   - Unfinished: nothing broke before the budget ended, and states were left. It
//     says nothing about them.
//   - Vacuous: nothing broke, and nothing could have: no step put the
//     property to the test. A search that could not have failed is a failure.
//
// FindCulprit goes further than a schedule: it takes away all orders between
// steps that are not needed, until what is left is the fewest orders that force
// the break, whatever else happens.
//
// # What keeps it honest
//
// Every search checks the model as it goes: one state in 500 has its steps
// taken again on coroutines with another past and with other values in what
// they do not touch. And on ten thousand random programs the searches are held
// against full enumeration, which also notices when a bug is planted in them.
package explore
