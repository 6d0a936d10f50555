// Package cache loads what it does not have, and should load it once.
package cache

import "sync"

// Cache keeps what load returned for each key.
type Cache struct {
	mu     sync.Mutex
	values map[string]string
	load   func(key string) string
}

// New returns an empty Cache.
func New(load func(key string) string) *Cache {
	return &Cache{values: map[string]string{}, load: load}
}

// Get has a mistake: two callers that miss the same key both load it. The lock was
// given back between the look and the load.
func (c *Cache) Get(key string) string {
	c.mu.Lock()
	v, ok := c.values[key]
	c.mu.Unlock()
	if !ok {
		v = c.load(key)
		c.mu.Lock()
		c.values[key] = v
		c.mu.Unlock()
	}
	return v
}

// Fixed keeps, for each key, a promise of its value.
type Fixed struct {
	mu     sync.Mutex
	values map[string]func() string
	load   func(key string) string
}

// NewFixed returns an empty Fixed.
func NewFixed(load func(key string) string) *Fixed {
	return &Fixed{values: map[string]func() string{}, load: load}
}

// Get holds the lock while it looks and makes the promise; callers wait for the load
// without it.
func (c *Fixed) Get(key string) string {
	c.mu.Lock()
	v, ok := c.values[key]
	if !ok {
		v = sync.OnceValue(func() string { return c.load(key) })
		c.values[key] = v
	}
	c.mu.Unlock()
	return v()
}
