//go:build ignore

package answer

func judge(event, p, offset int) bool {
	return true
}
