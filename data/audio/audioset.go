package audio

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"m2pt/data"
)

// OpenAudioSet lists the clips of a JSON file as AudioSet's users write it,
//
//	{"data": [{"wav": "clip.wav", "labels": "/m/09x0r,/m/05zppz"}, ...]}
//
// whose labels are ids of the table labels, a CSV file with the columns index,
// mid, display_name. Relative paths are below the JSON file's folder.
func OpenAudioSet(list, labels string) (*Files, error) {
	classes, index, err := readClasses(labels)
	if err != nil {
		return nil, fmt.Errorf("audio labels %s: %w", labels, err)
	}
	f := &Files{data.NewListing(filepath.Dir(list), classes)}
	if err := f.readClips(list, index); err != nil {
		return nil, fmt.Errorf("audio list %s: %w", list, err)
	}
	return f, nil
}

// readClasses reads the table of labels, and returns the index of each id too.
func readClasses(table string) (classes []string, index map[string]int, err error) {
	index = map[string]int{}
	err = data.EachRow(table, []string{"index", "mid", "display_name"}, func(row []string) error {
		if row[0] != strconv.Itoa(len(classes)) {
			return fmt.Errorf("%s: index %q, want %d: the table counts from 0 without gaps", row[1], row[0], len(classes))
		}
		if _, ok := index[row[1]]; ok {
			return fmt.Errorf("id %s comes twice", row[1])
		}
		index[row[1]] = len(classes)
		classes = append(classes, row[2])
		return nil
	})
	return classes, index, err
}

// readClips reads the list of clips.
func (f *Files) readClips(list string, index map[string]int) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	var content struct {
		Data []struct{ Wav, Labels string }
	}
	if err := json.Unmarshal(text, &content); err != nil {
		return err
	}
	if len(content.Data) == 0 {
		return fmt.Errorf(`no clips: want {"data": [{"wav": path, "labels": ids}, ...]}`)
	}
	for _, clip := range content.Data {
		var labels []int
		for id := range strings.SplitSeq(clip.Labels, ",") {
			label, ok := index[strings.TrimSpace(id)]
			if !ok {
				return fmt.Errorf("%s: label %q is not in the table", clip.Wav, id)
			}
			labels = append(labels, label)
		}
		if err := f.Add(clip.Wav, labels...); err != nil {
			return err
		}
	}
	return nil
}
