package simrun

import (
	"fmt"
	"os"
	"strings"

	"racelab/sim"
)

// scheduleFlag says what --schedule takes.
const scheduleFlag = "a schedule to replay: its text, or @FILE; empty: the start"

// readSchedule reads the schedule of a flag: its text, or @FILE.
func readSchedule(flag, text string) (schedule sim.Schedule, file string, err error) {
	file, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		if text != "" && !strings.ContainsAny(text, " ;\n") {
			return nil, "", fmt.Errorf("%s %.60q is no schedule, such as \"G0 mark; G0 send\"; a file is @FILE", flag, text)
		}
		schedule, err = sim.ParseSchedule(text)
		return schedule, "", err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, "", fmt.Errorf("%s %w; want a file that can be read", flag, reason(err))
	}
	if schedule, err = sim.ParseSchedule(string(content)); err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	return schedule, file, nil
}

// saveSchedule writes a schedule to a file, with what it is in a comment.
func saveSchedule(file, what string, schedule sim.Schedule) error {
	return writeWhole(file, []byte("# "+what+"\n"+schedule.Lines()))
}
