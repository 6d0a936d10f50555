package released

import (
	"fmt"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"

	"racelab/model"
	"racelab/properties"
	"racelab/witness/bubble"
	"racelab/witness/experiment"
	"racelab/witness/kafka"
)

// OffsetCommit is the program of an experiment: one goroutine a partition marks
// the next offset of its partition and commits, some times over, through one
// offset manager. Partitions start at offset 10, 20, ...
func OffsetCommit(e experiment.Experiment) bubble.Program {
	return func(r *bubble.Run) (end func()) {
		var committed []model.Offset
		for p := range e.Partitions {
			committed = append(committed, model.Offset(10*(p+1)))
		}
		client, err := sarama.NewClient([]string{kafka.Address}, config(kafka.NewCluster(r, committed, e.NotCoordinator)))
		must(err)
		om, err := sarama.NewOffsetManagerFromClient("group", client)
		must(err)
		for p, start := range committed {
			pom, err := om.ManagePartition(kafka.Topic, int32(p))
			must(err)
			r.Go(fmt.Sprintf("G%d", p), func() {
				for i := range e.Commits {
					pom.MarkOffset(int64(start)+int64(i)+1, "")
					om.Commit()
				}
			})
		}
		r.Watch(properties.CommittedOffsetNeverRewinds())
		r.Watch(properties.OffsetsOnTheWireAreMonotone())
		return func() {
			_ = om.Close()
			_ = client.Close()
		}
	}
}

// config is Sarama's default, but for the network, for commits that are made by
// hand, and for what would go on by itself in the background: a refresh of the
// metadata, and meters, which share one goroutine among all clients.
func config(cluster *kafka.Cluster) *sarama.Config {
	metrics.UseNilMetrics = true
	sarama.PanicHandler = func(reason any) { bubble.Current().Panicked(reason) }
	c := sarama.NewConfig()
	c.Version = sarama.V2_3_0_0
	c.ApiVersionsRequest = false
	c.Metadata.RefreshFrequency = 0
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Net.Proxy.Enable = true
	c.Net.Proxy.Dialer = cluster
	return c
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("released: the client does not start: %v", err))
	}
}
