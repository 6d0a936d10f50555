//go:build ignore

package answer

func commit() {
	find()
	if !build() {
		return
	}
	broker.lock.Lock()
	send()
	await()
	broker.lock.Unlock()
	clean()
}
