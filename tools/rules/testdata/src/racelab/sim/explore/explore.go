package explore

import (
	"math/rand/v2"
	"sync"
)

type pool struct {
	m sync.Mutex
	c chan int
}

func (p *pool) work(r *rand.Rand) {
	go p.work(r)
	p.c <- r.IntN(3)
	p.c <- rand.IntN(3) // want `uses math/rand/v2.IntN, which has no seed of ours`
}
