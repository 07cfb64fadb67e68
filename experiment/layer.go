package experiment

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// layer is one place that sets keys: a file, or one -set.
type layer struct {
	name  string         // the file, or "-set KEY=VALUE"
	dir   string         // what relative paths are relative to
	tree  map[string]any // its keys as the TOML parser returns them
	lines lineIndex      // where they are; nil for -set
	raw   string         // the value of a -set as typed
}

// at is the position of key in the layer, for messages.
func (y *layer) at(key string) string {
	if line := y.lines.find(key); line > 0 {
		return fmt.Sprintf("%s:%d", y.name, line)
	}
	return y.name
}

// apply writes the keys of y over the configuration.
func (l *loader) apply(y *layer) {
	l.table(y, "", y.tree, reflect.ValueOf(l.config).Elem())
}

// table assigns the keys of one TOML table, which has the name section, to the
// struct dst.
func (l *loader) table(y *layer, section string, tree map[string]any, dst reflect.Value) {
	if y.lines != nil {
		l.where[section] = y.at(section)
	}
	if m, ok := reflect.TypeAssert[*Model](dst.Addr()); ok {
		if name, ok := tree["name"].(string); ok {
			m.usePreset(name)
		}
	}
	for _, name := range inOrder(y, section, tree) {
		if len(l.problems) >= maxProblems {
			return
		}
		key := join(section, name)
		f, ok := fieldNamed(dst.Type(), name)
		if !ok {
			l.problem(y.at(key), key, unknownKey(section, name, dst.Type()))
			continue
		}
		if other, ok := fieldNamed(dst.Type(), f.Tag.Get("or")); ok && tree[f.Tag.Get("or")] == nil {
			dst.FieldByIndex(other.Index).SetZero()
		}
		l.field(y, key, tree[name], dst.FieldByIndex(f.Index), f.Tag.Get("path"))
	}
}

// inOrder lists the keys of tree as the file has them.
func inOrder(y *layer, section string, tree map[string]any) []string {
	return slices.SortedFunc(maps.Keys(tree), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(y.lines.find(join(section, a)), y.lines.find(join(section, b))),
			cmp.Compare(a, b))
	})
}

// field assigns the value v of key to dst, whose path tag is given.
func (l *loader) field(y *layer, key string, v any, dst reflect.Value, path string) {
	if dst.Type() == reflect.TypeFor[[]Pathway]() {
		l.pathways(y, v)
		return
	}
	if dst.Kind() == reflect.Struct {
		if tree, ok := v.(map[string]any); ok {
			l.table(y, key, tree, dst)
			return
		}
	}
	if dst.Kind() == reflect.String && y.raw != "" {
		if _, ok := v.(string); !ok {
			v = y.raw
		}
	}
	if err := assign(dst, v); err != nil {
		l.problem(y.at(key), key, err.Error())
		return
	}
	l.where[key] = y.at(key)
	switch path {
	case "file":
		dst.SetString(l.locate(y.dir, dst.String()))
	case "set":
		for i := range dst.Len() {
			dst.Index(i).SetString(locateSet(y.dir, dst.Index(i).String()))
		}
	}
}

// pathways assigns [pathway], which changes every pathway there is or makes
// the first, or [[pathway]], which replaces them.
func (l *loader) pathways(y *layer, v any) {
	c := l.config
	trees, ok := tables(v)
	if !ok {
		l.problem(y.at("pathway"), "pathway", "want a table or a list of tables, got "+describe(v))
		return
	}
	if _, one := v.(map[string]any); one {
		trees = slices.Repeat(trees, max(1, len(c.Pathway)))
	} else {
		c.Pathway = nil
		maps.DeleteFunc(l.where, func(key, _ string) bool { return strings.HasPrefix(key, "pathway") })
	}
	for i, tree := range trees {
		if i == len(c.Pathway) {
			c.Pathway = append(c.Pathway, defaultPathway())
		}
		l.table(y, pathwayKey(i, len(trees)), tree, reflect.ValueOf(&c.Pathway[i]).Elem())
	}
}

// tables returns the tables that v holds: one, an array of tables, or a list
// of inline tables.
func tables(v any) (trees []map[string]any, ok bool) {
	switch v := v.(type) {
	case map[string]any:
		return []map[string]any{v}, true
	case []map[string]any:
		return v, true
	case []any:
		for _, element := range v {
			tree, ok := element.(map[string]any)
			if !ok {
				return nil, false
			}
			trees = append(trees, tree)
		}
		return trees, true
	}
	return nil, false
}

// locate makes a path absolute and remembers its spelling.
func (l *loader) locate(dir, written string) string {
	path, spelling := locate(dir, written)
	if path != spelling {
		l.config.spelled[path] = spelling
	}
	return path
}

// fieldNamed finds the field of struct type t for a TOML key, case and all.
func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if name != "" && f.Tag.Get("toml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
