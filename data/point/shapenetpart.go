package point

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"m2pt/data"
)

// partsOf returns how many parts the categories of ShapeNetPart have, in the order
// of their numbers: Airplane 0 to 3, Bag 4 and 5, ...
func partsOf() (names []string, counts []int) {
	return []string{"Airplane", "Bag", "Cap", "Car", "Chair", "Earphone", "Guitar", "Knife", "Lamp", "Laptop", "Motorbike", "Mug", "Pistol", "Rocket", "Skateboard", "Table"},
		[]int{4, 2, 2, 4, 4, 3, 3, 2, 4, 2, 6, 2, 3, 3, 3, 3}
}

// PartFiles is a PartSource of text files with the part of a point in the last
// column.
type PartFiles struct {
	Files
	parts [][]int32
}

// OpenShapeNetPart lists clouds of ShapeNetPart with normals:
// synsetoffset2category.txt gives the folder of each category,
// train_test_split/shuffled_<split>_file_list.json name clouds
// shape_data/<folder>/<id>, which stand in <folder>/<id>.txt as x, y, z, normal,
// part. Classes are its 16 categories. As in the reference "train" is the lists train
// and val together, and "test" or "val" is the list test.
func OpenShapeNetPart(dir, split string) (*PartFiles, error) {
	f, err := readParts(dir, split)
	if err != nil {
		return nil, fmt.Errorf("open ShapeNetPart in %s: %w", dir, err)
	}
	return f, nil
}

func readParts(dir, split string) (*PartFiles, error) {
	lists, ok := map[string][]string{"train": {"train", "val"}, "val": {"test"}, "test": {"test"}}[split]
	if !ok {
		return nil, fmt.Errorf("split %q: want train, val or test", split)
	}
	names, counts := partsOf()
	category, err := readCategories(dir, names)
	if err != nil {
		return nil, err
	}
	f := &PartFiles{Files{data.NewListing(dir, names)}, numberParts(counts)}
	for _, list := range lists {
		file := filepath.Join(dir, "train_test_split", "shuffled_"+list+"_file_list.json")
		var clouds []string
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &clouds)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, cloud := range clouds {
			folder := path.Base(path.Dir(cloud))
			if err := f.addNamed(folder+"/"+path.Base(cloud)+".txt", category[folder]); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return f, nil
}

// readCategories returns the category of each folder, one of names.
func readCategories(dir string, names []string) (map[string]string, error) {
	const file = "synsetoffset2category.txt"
	rows, err := data.ReadLines(filepath.Join(dir, file))
	if err != nil {
		return nil, err
	}
	category := map[string]string{}
	for _, row := range rows {
		words := strings.Fields(row)
		if len(words) != 2 || !slices.Contains(names, words[0]) {
			return nil, fmt.Errorf("%s: %q: want one of %q and its folder", file, row, names)
		}
		category[words[1]] = words[0]
	}
	return category, nil
}

// numberParts numbers the parts of all classes through.
func numberParts(counts []int) [][]int32 {
	parts, next := make([][]int32, len(counts)), int32(0)
	for class, n := range counts {
		for range n {
			parts[class] = append(parts[class], next)
			next++
		}
	}
	return parts
}

// Parts returns the parts of the 16 categories, 50 together.
func (f *PartFiles) Parts() [][]int32 { return f.parts }

// Load reads file i. A part that its category does not have is an error.
func (f *PartFiles) Load(i int, dst *Cloud) (int32, error) {
	return f.load(i, dst, func(file []byte) error {
		dst.clear()
		if err := decodeParts(file, dst); err != nil {
			return err
		}
		for k, part := range dst.Parts {
			if own := f.parts[f.Label(i)]; !slices.Contains(own, part) {
				return fmt.Errorf("point %d is of part %d: %s has %v", k, part, f.Classes()[f.Label(i)], own)
			}
		}
		return nil
	})
}
