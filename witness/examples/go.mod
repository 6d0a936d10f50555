module racelab/witness/examples

go 1.26.0
