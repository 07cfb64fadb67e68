package point

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/data"
)

// OpenShapeNet lists clouds of ShapeNet-55, which the reference pretrains on:
// ShapeNet-55/train.txt and test.txt name files <taxonomy>-<model>.npy in
// shapenet_pc. Classes are the sorted taxonomies of both lists. Split is "train",
// "test" or "val", which is the same, or "whole": train and then test.
func OpenShapeNet(dir, split string) (*Files, error) {
	f, err := readShapeNet(dir, split)
	if err != nil {
		return nil, fmt.Errorf("open ShapeNet-55 in %s: %w", dir, err)
	}
	return f, nil
}

func readShapeNet(dir, split string) (*Files, error) {
	var classes []string
	lists := map[string][]string{}
	for _, name := range []string{"train", "test"} {
		files, err := data.ReadLines(filepath.Join(dir, "ShapeNet-55", name+".txt"))
		if err != nil {
			return nil, err
		}
		lists[name] = files
		for _, file := range files {
			taxonomy, _, ok := strings.Cut(file, "-")
			if !ok {
				return nil, fmt.Errorf("%s.txt: %q: want <taxonomy>-<model>.npy", name, file)
			}
			classes = append(classes, taxonomy)
		}
	}
	lists["val"] = lists["test"]
	lists["whole"] = slices.Concat(lists["train"], lists["test"])
	if lists[split] == nil {
		return nil, fmt.Errorf("split %q: want train, val, test or whole", split)
	}
	slices.Sort(classes)
	f := &Files{data.NewListing(filepath.Join(dir, "shapenet_pc"), slices.Compact(classes))}
	for _, file := range lists[split] {
		taxonomy, _, _ := strings.Cut(file, "-")
		if err := f.addNamed(file, taxonomy); err != nil {
			return nil, err
		}
	}
	return f, nil
}
