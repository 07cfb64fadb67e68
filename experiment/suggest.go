package experiment

import (
	"fmt"
	"reflect"
	"strings"
)

// unknownKey explains that the table section, decoded into struct type t, has
// no key name: where that key is, or which one may be meant, or which there
// are.
func unknownKey(section, name string, t reflect.Type) string {
	unknown := fmt.Sprintf("unknown key %q", name)
	if homes := sectionsWith(name); len(homes) > 0 {
		return unknown + "; it belongs to " + strings.Join(homes, " or ")
	}
	if near := nearest(name, keysOf(t)); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", unknown, near)
	}
	if near := nearest(name, allKeys()); near != "" {
		return fmt.Sprintf("%s; did you mean %q?", unknown, near)
	}
	return fmt.Sprintf("%s; %s has %s", unknown, sectionTitle(section), strings.Join(keysOf(t), ", "))
}

func sectionTitle(section string) string {
	if section == "" {
		return "the top level"
	}
	name, _, _ := strings.Cut(section, "[")
	return "[" + name + "]"
}

// sectionsWith lists the titles of the sections that have the key name.
func sectionsWith(name string) []string {
	var titles []string
	for section, t := range sections {
		if _, ok := fieldNamed(t, name); ok {
			titles = append(titles, sectionTitle(section))
		}
	}
	return titles
}

// sections yields the name and struct type of every section, the top level ""
// first.
func sections(yield func(string, reflect.Type) bool) {
	top := reflect.TypeFor[Config]()
	if !yield("", top) {
		return
	}
	for _, key := range keysOf(top) {
		f, _ := fieldNamed(top, key)
		t := f.Type
		if t == reflect.TypeFor[[]Pathway]() {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct && !yield(key, t) {
			return
		}
	}
}

// allKeys lists every key with its section.
func allKeys() []string {
	var keys []string
	for section, t := range sections {
		for _, key := range keysOf(t) {
			keys = append(keys, join(section, key))
		}
	}
	return keys
}

// keysOf lists the TOML keys of struct type t.
func keysOf(t reflect.Type) []string {
	var keys []string
	for field := range t.Fields() {
		if key := field.Tag.Get("toml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// nearest returns the candidate whose last part is closest to word, at most a
// third of its letters and 3 away, or "".
func nearest(word string, candidates []string) string {
	best, limit := "", min(max(1, len(word)/3), 3)
	for _, candidate := range candidates {
		name := candidate[strings.LastIndex(candidate, ".")+1:]
		if len(word) > len(name)+limit {
			continue
		}
		if d := editDistance(strings.ToLower(word), name); d <= limit {
			best, limit = candidate, d-1
		}
	}
	return best
}

// editDistance counts the letters to insert, delete, replace or swap with
// their neighbour between a and b (optimal string alignment).
func editDistance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differ(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func differ(x, y byte) int {
	if x == y {
		return 0
	}
	return 1
}
