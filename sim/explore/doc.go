// Package explore searches the runs of a system for one that breaks a
// property, and says what was explored when none does.
//
// # Which strategy
//
// States visits every state that can be reached, breadth first. It ends with
// proof, or with a shortest schedule. Use it whenever it ends.
//
// Walk takes seeded random walks. It finds what is common, quickly, in worlds
// that are too large to exhaust, and proves nothing.
//
// # What a verdict means
//
//   - Broken: this schedule breaks the property. From States, no schedule with
//     fewer steps does, and none of that length has fewer switches.
//   - Exhausted: no reachable state breaks it. True of this world, with these
//     parameters.
//   - Sampled: 0 of n runs broke it, so under this sampler, and only under it,
//     a run breaks it with a probability below 3/n (95 % confidence).
//   - Unfinished: nothing broke before the budget ended, and states were left.
//   - NotExercised: nothing broke, and nothing could have: no step put the
//     property to the test.
package explore
