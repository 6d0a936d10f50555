package lab

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"racelab/scenario"
	"racelab/sim"
)

// Link is a run as the part of an address after #: "r=SCENARIO/VARIANT/SETTINGS/SCHEDULE".
// The settings are NAME=VALUE, joined by &; the schedule is base64url of its
// text, deflated. What is at its default is left out.
func Link(c *scenario.Case, schedule sim.Schedule) string {
	settings := strings.Join(c.Changed.Settings(), "&")
	var packed bytes.Buffer
	if len(schedule) > 0 {
		w, _ := flate.NewWriter(&packed, flate.BestCompression) // The level is one that there is,
		io.WriteString(w, schedule.String())                    // and a buffer takes all.
		w.Close()
	}
	return "r=" + c.Race.Name + "/" + c.Variant.Name + "/" + settings + "/" + base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// maxLink is how many characters of a schedule a link may hold.
const maxLink = 1 << 20

// ParseLink reads a link. A schedule that is longer than the run is not looked at
// here: Session.Rebase takes what fits.
func ParseLink(races []*scenario.Race, link string) (*scenario.Case, sim.Schedule, error) {
	text, ok := strings.CutPrefix(link, "r=")
	parts := strings.Split(text, "/")
	if !ok || len(parts) > 4 {
		return nil, nil, fmt.Errorf("%.60q is no link to a run; want r=SCENARIO/VARIANT/SETTINGS/SCHEDULE", link)
	}
	parts = append(parts, "", "", "")
	race, err := scenario.Find(races, parts[0])
	if err != nil {
		return nil, nil, err
	}
	var changes []string
	if parts[2] != "" {
		changes = strings.Split(parts[2], "&")
	}
	c, err := race.Case(parts[1], "", changes...)
	if err != nil {
		return nil, nil, err
	}
	packed, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return nil, nil, fmt.Errorf("the schedule of the link is damaged; was it copied whole?")
	}
	if len(packed) == 0 {
		return c, nil, nil
	}
	lines, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxLink))
	if err != nil {
		return nil, nil, fmt.Errorf("the schedule of the link is damaged; was it copied whole?")
	}
	schedule, err := sim.ParseSchedule(string(lines))
	return c, schedule, err
}
