package point

import (
	"fmt"
	"path/filepath"
	"strings"

	"m2pt/data"
)

// OpenModelNet lists clouds of ModelNet40 or ModelNet10, as classes says, in its
// form of text files with normals: modelnet40_shape_names.txt has the classes,
// modelnet40_train.txt and modelnet40_test.txt name clouds <class>_<number>, which
// stand in <class>/<class>_<number>.txt. Split is "train", "test" or "val", which is
// the same as test.
func OpenModelNet(dir, split string, classes int) (*Files, error) {
	f, err := readModelNet(dir, split, classes)
	if err != nil {
		return nil, fmt.Errorf("open ModelNet in %s: %w", dir, err)
	}
	return f, nil
}

func readModelNet(dir, split string, classes int) (*Files, error) {
	list, ok := map[string]string{"train": "train", "test": "test", "val": "test"}[split]
	if !ok || classes != 10 && classes != 40 {
		return nil, fmt.Errorf("split %q, %d classes: want train, val or test, and 10 or 40", split, classes)
	}
	prefix := fmt.Sprintf("modelnet%d_", classes)
	names, err := data.ReadLines(filepath.Join(dir, prefix+"shape_names.txt"))
	if err != nil {
		return nil, err
	}
	if len(names) != classes {
		return nil, fmt.Errorf("%sshape_names.txt has %d classes, want %d", prefix, len(names), classes)
	}
	clouds, err := data.ReadLines(filepath.Join(dir, prefix+list+".txt"))
	if err != nil {
		return nil, err
	}
	f := &Files{data.NewListing(dir, names)}
	for _, id := range clouds {
		class := id[:max(strings.LastIndexByte(id, '_'), 0)]
		if err := f.addNamed(class+"/"+id+".txt", class); err != nil {
			return nil, fmt.Errorf("%s%s.txt: %w", prefix, list, err)
		}
	}
	return f, nil
}
