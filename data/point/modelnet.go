package point

import (
	"fmt"
	"path/filepath"
	"strings"
)

// OpenModelNet lists clouds of ModelNet40 or ModelNet10, as classes says, in its
// form of text files with normals: modelnet40_shape_names.txt has the classes,
// modelnet40_train.txt and modelnet40_test.txt name clouds <class>_<number>, which
// stand in <class>/<class>_<number>.txt. Split is "train", "test" or "val", which is
// the same as test.
func OpenModelNet(dir, split string, classes int) (*Files, error) {
	f := &Files{dir: dir}
	if err := f.readModelNet(split, classes); err != nil {
		return nil, fmt.Errorf("open ModelNet in %s: %w", dir, err)
	}
	return f, nil
}

func (f *Files) readModelNet(split string, classes int) error {
	list, ok := map[string]string{"train": "train", "test": "test", "val": "test"}[split]
	if !ok || classes != 10 && classes != 40 {
		return fmt.Errorf("split %q, %d classes: want train, val or test, and 10 or 40", split, classes)
	}
	prefix := fmt.Sprintf("modelnet%d_", classes)
	var err error
	if f.classes, err = readLines(filepath.Join(f.dir, prefix+"shape_names.txt")); err != nil {
		return err
	}
	if len(f.classes) != classes {
		return fmt.Errorf("%sshape_names.txt has %d classes, want %d", prefix, len(f.classes), classes)
	}
	clouds, err := readLines(filepath.Join(f.dir, prefix+list+".txt"))
	if err != nil {
		return err
	}
	for _, id := range clouds {
		class := id[:max(strings.LastIndexByte(id, '_'), 0)]
		if err := f.addNamed(class+"/"+id+".txt", class); err != nil {
			return fmt.Errorf("%s%s.txt: %w", prefix, list, err)
		}
	}
	return nil
}
