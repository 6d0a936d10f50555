package sim

import "slices"

// queue is a heap of threads by when they are due, four children a parent:
// half as deep as one of two, and its children lie side by side. It knows where
// each thread is, so that what is due again moves once.
type queue struct {
	items []dueItem
	at    []int32 // by thread: its place in items, from 1; 0: it is not there
}

type dueItem struct {
	due    int64
	thread int32
}

func (q *queue) set(thread int32, due int64) {
	i := int(q.at[thread]) - 1
	if i < 0 {
		q.items = append(q.items, dueItem{})
		q.up(len(q.items)-1, dueItem{due, thread})
		return
	}
	if was := q.items[i].due; due < was {
		q.up(i, dueItem{due, thread})
	} else if due > was {
		q.down(i, dueItem{due, thread})
	}
}

func (q *queue) remove(thread int32) {
	i := int(q.at[thread]) - 1
	if i < 0 {
		return
	}
	q.at[thread] = 0
	last := len(q.items) - 1
	moved := q.items[last]
	q.items = q.items[:last]
	if i == last {
		return
	}
	if i > 0 && moved.due < q.items[(i-1)/4].due {
		q.up(i, moved)
	} else {
		q.down(i, moved)
	}
}

// up puts an item at a place, or above it.
func (q *queue) up(i int, item dueItem) {
	for i > 0 {
		parent := (i - 1) / 4
		if q.items[parent].due <= item.due {
			break
		}
		q.items[i] = q.items[parent]
		q.at[q.items[i].thread] = int32(i + 1)
		i = parent
	}
	q.items[i] = item
	q.at[item.thread] = int32(i + 1)
}

// down puts an item at a place, or below it.
func (q *queue) down(i int, item dueItem) {
	n := len(q.items)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least, due := child, q.items[child].due
		for k := child + 1; k < min(child+4, n); k++ {
			if q.items[k].due < due {
				least, due = k, q.items[k].due
			}
		}
		if due >= item.due {
			break
		}
		q.items[i] = q.items[least]
		q.at[q.items[i].thread] = int32(i + 1)
		i = least
	}
	q.items[i] = item
	q.at[item.thread] = int32(i + 1)
}

// first lists the threads that are due first, in their order. They are the
// top of the heap: nothing below another instant needs a look.
func (q *queue) first(list []int32) []int32 {
	if len(q.items) == 0 {
		return list
	}
	due := q.items[0].due
	list = append(list, 0)
	for i := 0; i < len(list); i++ {
		for child := 4*int(list[i]) + 1; child < min(4*int(list[i])+5, len(q.items)); child++ {
			if q.items[child].due == due {
				list = append(list, int32(child))
			}
		}
	}
	for i, place := range list {
		list[i] = q.items[place].thread
	}
	if len(list) > 1 {
		slices.Sort(list)
	}
	return list
}
