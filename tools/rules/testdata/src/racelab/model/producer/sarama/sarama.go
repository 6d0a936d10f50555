package sarama

import (
	_ "github.com/stretchr/testify" // want `model/producer/sarama imports github.com/stretchr/testify; want none but sim, model, model/config, model/producer`
	_ "racelab/model/producer/kgo"  // want `model/producer/sarama imports racelab/model/producer/kgo; want none but sim, model, model/config, model/producer`
)
