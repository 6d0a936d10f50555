// Package explore searches the runs of a system for one that breaks a
// property, and says what was explored when none does.
//
// # Which strategy
//
// Start with States. It visits every state that can be reached, breadth first,
// on all processors, and ends with proof or with a shortest schedule. A few
// million states are a matter of seconds.
//
// With Options.Symmetry it takes two states for one if all that tells them apart is
// which of some tasks that are alike is which: of three committers that run one
// program, C0, C1 and C2, up to six times fewer.
//
// With Options.Spill it keeps on disk, beyond a bound of memory, the states that it has
// still to expand. What it has seen stays in memory.
//
// Exhaustive runs every happens-before class of schedules once. It is the other
// way to proof: better where few steps depend on each other, and where what is
// judged is a whole history rather than a state. Neither is always smaller; try
// both.
//
// Where neither ends, sample. PCT first: a bug that needs few orders (its depth)
// is found with a probability that has a lower bound, and the bound is printed.
// POS has no bound, and often needs fewer runs: it draws only the orders of steps
// that depend on each other.
// Uniform gives every interleaving the same chance, so the share of bad runs
// means something. Walk is the plainest, favours runs whose tasks end early, and
// is repeated by its seed alone. Feedback lets runs grow from those that were new, and
// finds most of what needs many orders and the others come to by rare chance.
//
// # What a verdict means
//
//   - Broken: this schedule breaks the property. States shows one that no other
//     beats in steps, then in switches; what the other strategies find, Shrink
//     makes as short. Of a data race that is said of the schedules in which both
//     steps can be next: a run whose clocks show the race may be shorter.
//   - Exhausted: no reachable state, or no class of schedules, breaks it. True of
//     this world with these parameters, of the model and not of the client, and up
//     to the chance that two states have one fingerprint (n states: about
//     n^2/2^65, 10^-7 for two million; n^2/2^129 where the limit is 10^8 or more).
//   - Sampled: 0 of n runs broke it. Under this sampler, and only under it, a run
//     breaks it with a probability below 1 - 0.05^(1/n), about 3/n, with a
//     confidence of 95 %. Runs of Feedback depend on each other: of them nothing follows.
//     A search of all states says no more of data races, of the
//     walks that its proof stood against, where to judge them takes more than it may.
//   - Unfinished: nothing broke before the budget ended, and states were left. It
//     says nothing about them.
//   - Vacuous: nothing broke, and nothing could have: no step put the
//     property to the test. A search that could not have failed is a failure.
//
// # What never ends
//
// States also judges what a run comes to in the end: ends-when-fair, of every world,
// and what a Property claims with Eventually. Either breaks where a fair run goes
// round for ever: whoever can go on again and again does, no fault comes any more, and
// a timer that stays armed fires (EndsWhenFair says all of it). The schedule is then a
// lasso: the way there, and one round, of Verdict.Round steps. A search that is not
// complete sees the rounds among the states that it has expanded. A sampler judges
// runs that it cuts off after 10,000 steps, of which 8,000 were fair. Exhaustive
// judges no rounds: with one, it does not end. With Options.Symmetry, States judges none
// either: where states lead back to themselves, those verdicts are unfinished.
//
// FindCulprit goes further than a schedule: it takes away all orders between
// steps that are not needed, until what is left is the fewest orders that force
// the break, whatever else happens.
//
// # What a proof rests on
//
// A proof is only as good as what it takes for granted. This is all of it, and
// what stands guard over each part.
//
//   - The model keeps the rules of package sim: what it needs after a point stands
//     in fields, shared memory is touched through its objects, messages do not
//     change, and nothing depends on the time of day. The first 2,000 steps of
//     every search are checked, and then one in 500: taken again on coroutines with
//     another past, with other values in what they do not touch, at another time
//     of day. What fails there is a sim.ModelError. It is the error of the search,
//     and there is no verdict.
//   - A step does the same wherever all that it looks at is the same: its task or its
//     node, the objects that it touches, the properties that judge it. States takes a
//     step out of two such states. From then on it goes by what the step left, and does
//     not take it. Where steps are checked, it takes the step and compares. A step that does
//     something else looks at what is neither its own nor an object, such as a field of
//     another node. That is a ModelError.
//   - Nothing else decides what happens. So a proof defends itself: at least 100
//     random walks are taken in new worlds, in which nothing was ever saved or
//     loaded. Each state that they come to must be one that the search has seen
//     (Exhaustive: each final state), and they must break nothing that holds. If a
//     walk contradicts the proof, that is a ModelError too. A walk that is missing
//     in the search is found by chance alone: this is a test, not a proof of the
//     proof.
//   - The search itself is right. Its tests hold it against a brute force that
//     shares nothing with it: new worlds, no saved states, no fingerprints, no
//     record of accesses. Both see the same final states and the same verdicts in
//     thousands of random programs with everything that the engine has, in a
//     million of them each night. Bugs planted on purpose (make mutants) are
//     noticed.
//     Of rounds, a graph of what new worlds print of themselves, and the definition of
//     a fair run, say the same in random programs that loop. A round that is found is
//     taken three times in a new world, and has to end where it began.
//   - With Options.Symmetry: nothing tells tasks apart that are taken for alike, neither
//     the model nor a property. That they run one program, set up in one way, is seen
//     at the start. The rest is checked where steps are: two of them change places in
//     the state, the step is taken again by their names, and has to come to the same
//     state and the same breaks. Where a property looks at states, that is done at each
//     step. The walks of the defence stand against it too. What is not checked may tell
//     tasks apart: a property that judges one of them otherwise in rare states alone.
//   - No two states have one fingerprint. For n states that fails with a
//     probability of n^2/2^65, or of n^2/2^129 where the limit is 10^8 or more.
//   - Two accesses race if nothing orders them, by The Go Memory Model. A variable that
//     one task has to itself, or of which every access is under one lock, has no race.
//     Of others two steps race if both can be next and no lock is taken by both. Some
//     things keep accesses apart without ordering them: the counter of a WaitGroup, a
//     TryLock that fails, a default, what Len or Stop returns, an unlock of another's
//     lock, and time. Where a model has one of them, the search goes through all states
//     once more, and what comes before what is a part of each: who knows of which
//     access. If those states are more than the limit, or than memory holds, walks alone
//     judge, and the verdict says sampled. That the list is whole, the random programs show.
//   - Exhaustive knows which steps depend on each other from what they record. With
//     tickers, faults, channels that are closed or made anew, and an RUnlock of what
//     another task reads, it may miss a
//     class, says so, and calls nothing proved.
package explore
