package explore

// column is a list that only grows. No element moves once its block is full, so that a long
// search does not spend a tenth of its time on copying what it has.
type column[T any] struct {
	blocks [][]T
	n      int
}

// A block has this many elements, but the first while it grows.
const (
	blockBits = 13
	blockSize = 1 << blockBits
)

// add adds an element at the end.
func (c *column[T]) add(x T) {
	if c.n%blockSize == 0 {
		var block []T
		if c.n > 0 {
			block = make([]T, 0, blockSize)
		}
		c.blocks = append(c.blocks, block)
	}
	last := &c.blocks[len(c.blocks)-1]
	*last = append(*last, x)
	c.n++
}

func (c *column[T]) at(i uint32) T { return c.blocks[i>>blockBits][i%blockSize] }
