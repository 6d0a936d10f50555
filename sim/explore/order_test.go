package explore_test

import (
	"slices"
	"strings"
	"testing"

	"racelab/sim/explore"
)

// Goal: an order whose event is misspelt is an error that lists those near it.
func TestMisspeltOrders(t *testing.T) {
	for text, want := range map[string]string{
		"A first before B second": "",
		"A frist before B second": `"A frist", which none of 100 walks meets; near it: A first, `,
		"A first before C second": `"C second", which none of 100 walks meets; near it: `,
	} {
		orders, err := explore.ParseOrders(text)
		if err != nil {
			t.Fatal(err)
		}
		err = explore.CheckOrders(orders, system(t, embrace(true)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Goal: whatever is read as orders is printed as ones that are read the same.
func FuzzParseOrders(f *testing.F) {
	f.Add("A x before B y#2\n\nA->n M before C z")
	f.Add("A x before before B y")
	f.Add("0 #1 before 0 0")
	f.Fuzz(func(t *testing.T, text string) {
		orders, err := explore.ParseOrders(text)
		if err != nil {
			return
		}
		var lines []string
		for _, o := range orders {
			lines = append(lines, o.String())
		}
		again, err := explore.ParseOrders(strings.Join(lines, "\n"))
		if err != nil || !slices.Equal(again, orders) {
			t.Errorf("%q is %v, and that is %v, %v", text, orders, again, err)
		}
	})
}
