// Somebody else's module, with a model on the lab's package sim as it is.
module stranger

go 1.26.0

replace racelab => ../../../..

require racelab v0.0.0-00010101000000-000000000000
