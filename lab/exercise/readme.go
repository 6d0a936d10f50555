package exercise

import (
	"fmt"
	"strings"
)

// Readme is the exercise on one page, as Markdown.
func (e *Exercise) Readme() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s (%d min)\n\n%s\n\n", e.Title, e.Minutes, e.Story)
	fmt.Fprintf(&b, "**Task.** %s\nWrite it into [answer.go](answer.go), then:\n\n```\ngo test -v ./workshop/%s\n```\n\n", e.Task, e.ID)
	b.WriteString("| you may use | what it does |\n|---|---|\n")
	for _, w := range e.Words {
		fmt.Fprintf(&b, "| `%s` | %s |\n", w.Name, w.Does)
	}
	b.WriteString("\n")
	for i, hint := range e.Hints {
		fmt.Fprintf(&b, "<details><summary>Hint %d</summary>%s</details>\n", i+1, hint)
	}
	fmt.Fprintf(&b, "\n**Stretch.** %s\n\n**Shipped.** [%s](%s).\n", e.Stretch, e.Shipped, e.Link)
	if e.Released != "" {
		fmt.Fprintf(&b, "\n**The released client**, under the same search: `%s`\n", e.witness())
	}
	return b.String()
}
