package audio

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/data"
)

// OpenSpeechCommands lists clips of Speech Commands: "val" and "test" are what
// validation_list.txt and testing_list.txt name, "train" is the rest. Classes are
// the directories, those beginning with "_" (background noise) left out.
func OpenSpeechCommands(dir, split string) (*Files, error) {
	f, err := readCommands(dir, split)
	if err != nil {
		return nil, fmt.Errorf("open Speech Commands in %s: %w", dir, err)
	}
	return f, nil
}

func readCommands(dir, split string) (*Files, error) {
	classes, err := data.Subdirs(dir)
	if err != nil {
		return nil, err
	}
	splitOf := map[string]string{}
	for name, file := range map[string]string{"val": "validation_list.txt", "test": "testing_list.txt"} {
		lines, err := data.ReadLines(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		for _, path := range lines {
			splitOf[path] = name
		}
	}
	if split != "train" && split != "val" && split != "test" {
		return nil, fmt.Errorf("split %q: want train, val or test", split)
	}
	classes = slices.DeleteFunc(classes, func(class string) bool { return strings.HasPrefix(class, "_") })
	f := &Files{data.NewListing(dir, classes)}
	for label, class := range classes {
		err := data.WalkFiles(dir, class, func(path string) error {
			if in, ok := splitOf[path]; (ok && in == split) || (!ok && split == "train") {
				return f.Add(path, label)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if f.Len() == 0 {
		return nil, fmt.Errorf("no clips in split %s", split)
	}
	return f, nil
}
