package transactionprotocol

import "racelab/scenario"

// all lists the scenarios.
func all() []*scenario.Scenario[struct{}, World] {
	return []*scenario.Scenario[struct{}, World]{
		&DuplicateRetry, &LeaderMoves, &LeaderMovesInTransaction, &CoordinatorCrash, &ZombieProducer, &DelayedEndTxn, &DelayedMarker, &HangingTransaction, &LateRecord, &VerificationABA, &CompletionRace,
		&Upgrade, &TimeoutMeetsCommit, &SelfFencing, &StuckPrepare, &DuplicateCompletion, &MarkerLivelock, &EpochExhaustion, &PendingOffsets,
		&ZombieReader, &OffsetsAfterReplay, &ConsumeProcessProduce,
	}
}

// All lists the scenarios.
func All() []scenario.Any {
	var list []scenario.Any
	for _, s := range all() {
		list = append(list, s)
	}
	return list
}
