package audio

import (
	"fmt"
	"path/filepath"
	"strconv"

	"m2pt/data"
)

// OpenESC50 lists clips of ESC-50 (meta/esc50.csv, audio/): those of one of its
// five folds for split "val" or "test", those of the others for "train".
func OpenESC50(dir string, fold int, split string) (*Files, error) {
	if fold < 1 || fold > 5 || split != "train" && split != "val" && split != "test" {
		return nil, fmt.Errorf("ESC-50 in %s: fold %d, split %q: want 1 to 5, and train, val or test", dir, fold, split)
	}
	classes := make([]string, 50)
	f := &Files{data.NewListing(filepath.Join(dir, "audio"), classes)}
	table := filepath.Join(dir, "meta", "esc50.csv")
	err := data.EachRow(table, []string{"filename", "fold", "target", "category"}, func(row []string) error {
		label, err := strconv.Atoi(row[2])
		if err != nil || label < 0 || label >= len(classes) {
			return fmt.Errorf("%s: target %q: want 0 to %d", row[0], row[2], len(classes)-1)
		}
		classes[label] = row[3]
		if (row[1] == strconv.Itoa(fold)) == (split == "train") {
			return nil
		}
		return f.Add(row[0], label)
	})
	if err == nil && f.Len() == 0 {
		err = fmt.Errorf("no clips in split %s of fold %d", split, fold)
	}
	if err != nil {
		return nil, fmt.Errorf("ESC-50: %s: %w", table, err)
	}
	return f, nil
}
