package transactionprotocol

import "racelab/scenario"

// All lists the scenarios.
func All() []scenario.Any {
	return []scenario.Any{
		&CoordinatorCrash, &ZombieProducer, &DelayedEndTxn, &DelayedMarker, &HangingTransaction, &LateRecord, &VerificationABA, &CompletionRace,
		&Upgrade, &TimeoutMeetsCommit, &SelfFencing, &StuckPrepare, &MarkerLivelock, &EpochExhaustion, &PendingOffsets,
		&ZombieReader, &OffsetsAfterReplay, &ConsumeProcessProduce,
	}
}
