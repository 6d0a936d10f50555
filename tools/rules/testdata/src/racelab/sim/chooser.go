package sim

import "math/rand/v2"

func draw(r *rand.Rand) int { return r.IntN(3) }
