package rebalancecommit

import (
	"racelab/model/rebalance"
	"racelab/scenario"
)

// variants are the applications, with what some schedule breaks in which settings.
var variants = []scenario.Variant[Params, rebalance.Application]{
	{Name: "commit-each", Release: "an application", Is: app("P2"),
		Does: app("P2").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "kafka-go-join", "franz-go-eager-crash", "kafka-go-crash", "franz-go-eager-close", "kafka-go-close")...).
				Because("what it commits after a rebalance carries the generation of now; the loop goes on with what it has polled"),
			scenario.Breaks(neverRewinds, noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "kafka-go-join", "franz-go-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "kafka-go-join"),
		States: counts(map[string]int{"franz-go-eager-join": 302}),
	},
	{Name: "commit-first", Release: "an application", Is: app("P1"),
		Does: app("P1").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("a crash after the commit loses the record; kafka-go hands out, and commits, what is queued from before"),
			scenario.Breaks(noneLost).Where(in("franz-go-eager-crash", "sarama-eager-crash", "kafka-go-crash")...),
			scenario.Breaks(noneTwice, orderKept).Where(in("kafka-go-join", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 80}),
	},
	{Name: "mark", Release: "an application", Is: app("P3"),
		Does: app("P3").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("revoke commits what is marked, and the loop goes on with the rest"),
			scenario.Breaks(neverRewinds).Where(in("kafka-go-join", "kafka-go-close")...),
			scenario.Breaks(noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "kafka-go-join", "franz-go-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 604}),
	},
	{Name: "batch", Release: "an application", Is: app("P4"),
		Does: app("P4").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("the batch goes on, and is committed after the partition has moved"),
			scenario.Breaks(noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "kafka-go-join", "franz-go-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 168}),
	},
	{Name: "batch-blocking", Release: "franz-go BlockRebalanceOnPoll", Is: app("P4b"),
		Does: app("P4b").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("only franz-go can hold a rebalance up until the commit; the others go on as with batch"),
			scenario.Breaks(noneTwice).Where(in("kafka-go-join", "franz-go-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 64}),
	},
	{Name: "drain", Release: "an application", Is: app("P6"),
		Does: app("P6").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("a kafka-go Reader has no callback for a rebalance, so nobody drains; a ConsumerGroup with Generation.Start does (examples/drain/kafkago)"),
			scenario.Breaks(neverRewinds, noneTwice).Where(in("kafka-go-join", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "kafka-go-join", "franz-go-eager-close", "sarama-eager-close", "franz-go-eager-crash"),
		States: counts(map[string]int{"franz-go-eager-join": 404}),
	},
	{Name: "drain-a-second", Release: "an application", Is: app("P7"),
		Does: app("P7").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("the record in work goes on when the wait is over"),
			scenario.Breaks(neverRewinds).Where(in("kafka-go-join", "kafka-go-close")...),
			scenario.Breaks(noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "kafka-go-join", "franz-go-eager-close", "sarama-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 1722}),
	},
	{Name: "no-wait", Release: "an application", Is: app("P8"),
		Does: app("P8").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("the workers go on while the next owner begins"),
			scenario.Breaks(neverRewinds).Where(in("kafka-go-join", "kafka-go-close")...),
			scenario.Breaks(noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "kafka-go-join", "franz-go-eager-close", "sarama-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 2092}),
	},
	{Name: "late-ack", Release: "an application", Is: app("P8c"),
		Does: app("P8c").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "kafka-go-join", "franz-go-eager-crash", "kafka-go-crash", "franz-go-eager-close", "kafka-go-close")...).
				Because("a worker commits its record whoever has the partition by now"),
			scenario.Breaks(neverRewinds).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "kafka-go-join", "franz-go-eager-close", "kafka-go-close")...),
			scenario.Breaks(noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "kafka-go-join", "franz-go-eager-close", "sarama-eager-close", "kafka-go-close")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 732}),
	},
	{Name: "hand-over", Release: "an application", Is: app("P8d"),
		Does: app("P8d").Does,
		Expect: expect{
			scenario.Breaks(noneLost).Where(in("franz-go-eager-crash", "sarama-eager-crash", "kafka-go-crash", "sarama-eager-close")...).
				Because("what is handed over counts as done"),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 248}),
	},
	{Name: "drop-queue", Release: "an application", Is: app("P9"),
		Does: app("P9").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit).Where(in("kafka-go-join", "kafka-go-crash", "kafka-go-close")...).
				Because("the records of kept partitions are dropped, too, and are not fetched again"),
			scenario.Breaks(neverRewinds).Where(in("kafka-go-join", "kafka-go-close")...),
			scenario.Breaks(noneTwice).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "kafka-go-join", "franz-go-eager-close", "sarama-eager-close", "kafka-go-close")...),
			scenario.Breaks(progresses).Where(in("franz-go-coop-join", "franz-go-848-join")...),
		},
		SlowIn: except("franz-go-eager-join"),
		States: counts(map[string]int{"franz-go-eager-join": 3516}),
	},
	{Name: "mark-and-drop", Release: "an application", Is: app("P9m"),
		Does: app("P9m").Does,
		Expect: expect{
			scenario.Breaks(ownersCommit, noneTwice, orderKept).Where(in("kafka-go-join", "kafka-go-close")...).
				Because("what was dropped is marked"),
			scenario.Breaks(noneLost).Where(in("franz-go-eager-join", "franz-go-coop-join", "franz-go-848-join", "sarama-eager-join", "sarama-coop-join", "franz-go-eager-crash", "sarama-eager-crash", "kafka-go-crash", "franz-go-eager-close", "sarama-eager-close")...),
		},
		SlowIn: except("franz-go-eager-join", "franz-go-coop-join"),
		States: counts(map[string]int{"franz-go-eager-join": 464}),
	},
}
