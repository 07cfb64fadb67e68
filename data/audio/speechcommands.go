package audio

import (
	"fmt"
	"path/filepath"
	"strings"

	"m2pt/data"
)

// OpenSpeechCommands lists clips of Speech Commands: "val" and "test" are what
// validation_list.txt and testing_list.txt name, "train" is the rest. Classes are
// the directories, those beginning with "_" (background noise) left out.
func OpenSpeechCommands(dir, split string) (*Files, error) {
	f := &Files{dir: dir}
	if err := f.readCommands(split); err != nil {
		return nil, fmt.Errorf("open Speech Commands in %s: %w", dir, err)
	}
	return f, nil
}

func (f *Files) readCommands(split string) error {
	all, err := data.Subdirs(f.dir)
	if err != nil {
		return err
	}
	splitOf := map[string]string{}
	for name, file := range map[string]string{"val": "validation_list.txt", "test": "testing_list.txt"} {
		lines, err := readLines(filepath.Join(f.dir, file))
		if err != nil {
			return err
		}
		for _, path := range lines {
			splitOf[path] = name
		}
	}
	if split != "train" && split != "val" && split != "test" {
		return fmt.Errorf("split %q: want train, val or test", split)
	}
	for _, class := range all {
		if strings.HasPrefix(class, "_") {
			continue
		}
		f.classes = append(f.classes, class)
		label := int32(len(f.classes) - 1)
		err := data.WalkFiles(f.dir, class, func(path string) error {
			if in, ok := splitOf[path]; (ok && in == split) || (!ok && split == "train") {
				return f.add(path, label)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if f.Len() == 0 {
		return fmt.Errorf("no clips in split %s", split)
	}
	return nil
}
