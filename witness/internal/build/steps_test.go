package build

import "testing"

// Goal: orders of the model become those of the release, as the experiment's comment
// says; what it does not know is refused with what there is.
func TestOrders(t *testing.T) {
	client, _, err := FindClient("sarama@v1.43.2")
	if err != nil {
		t.Fatal(err)
	}
	all, err := client.Experiments()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Name != "rewind" {
			continue
		}
		for in, want := range map[string]string{
			"":                             "",
			"G0 mark#2 before G1 snapshot": "markAndCommit.func partitionOffsetManager.MarkOffset Lock#2 before markAndCommit.func:2 offsetManager.constructRequest Lock",
			"G0->coordinator OffsetCommit before G1->coordinator OffsetCommit#2": "markAndCommit.func end.Write write before markAndCommit.func:2 Broker.sendAndReceive Lock#2",
			"main f Lock before G1 mark":                                         "main f Lock before markAndCommit.func:2 partitionOffsetManager.MarkOffset Lock",
		} {
			if got, err := e.Orders(in); err != nil || got != want {
				t.Errorf("%q becomes %q, %v; want %q", in, got, err, want)
			}
		}
		for in, want := range map[string]string{
			"G0 jump before G1 mark": `nothing in experiment rewind stands for the model's step "jump"; there are: G0, G1, OffsetCommit, await response, construct request, coordinator, handle response, mark, release poms, send, snapshot, update committed`,
			"G0 mark":                `"G0 mark" is not an order; want EVENT before EVENT`,
		} {
			if got, err := e.Orders(in); err == nil || err.Error() != want {
				t.Errorf("%q becomes %q, %v; want the error %s", in, got, err, want)
			}
		}
		return
	}
	t.Error("Sarama has no experiment rewind")
}

// Goal: each experiment says which race it is, wherever in its comment that stands.
func TestExperimentsNameTheirRace(t *testing.T) {
	for _, c := range Clients {
		all, err := c.Experiments()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Race == "" {
				t.Errorf("%s of %s: its race is %q", e.Name, c.Name, e.Race)
			}
		}
	}
}
