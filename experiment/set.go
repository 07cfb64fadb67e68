package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// sets applies the -set entries in turn, those for auxiliaries last.
func (l *loader) sets(entries []string) {
	var forAux []string
	for _, entry := range entries {
		if rest, ok := strings.CutPrefix(entry, "aux."); ok {
			forAux = append(forAux, locateSet(".", rest))
			continue
		}
		l.set(entry)
	}
	if len(forAux) > 0 {
		l.setAux(forAux)
	}
}

// set applies one KEY=VALUE.
func (l *loader) set(entry string) {
	at := "-set " + l.aux + entry
	key, text, ok := cutSet(entry)
	switch {
	case !ok:
		l.problems = append(l.problems, at+": want KEY=VALUE, such as train.epochs=3")
		return
	case !utf8.ValidString(entry):
		l.problems = append(l.problems, fmt.Sprintf("-set %q: not UTF-8", l.aux+entry))
		return
	case key == "include":
		l.problem(at, key, "only a file can include")
		return
	}
	tree := setValue(text)
	for _, part := range slices.Backward(strings.Split(key, ".")) {
		tree = map[string]any{part: tree}
	}
	l.apply(&layer{name: at, dir: ".", tree: tree.(map[string]any), raw: text})
}

// setAux appends entries to the overrides of every auxiliary experiment.
func (l *loader) setAux(entries []string) {
	found := false
	for i := range l.config.Pathway {
		if p := &l.config.Pathway[i]; p.AuxConfig != "" {
			p.AuxSet = append(slices.Clone(p.AuxSet), entries...)
			found = true
		}
	}
	if !found {
		l.problems = append(l.problems, "-set "+l.aux+"aux."+entries[0]+": no pathway has an aux_config")
	}
}

func cutSet(entry string) (key, text string, ok bool) {
	key, text, ok = strings.Cut(entry, "=")
	key = strings.TrimSpace(key)
	return key, strings.TrimSpace(text), ok && key != ""
}

// setValue reads text as a TOML value; what is none is a bare string.
func setValue(text string) any {
	doc, err := parse("value = " + text)
	if err != nil || len(doc) != 1 {
		return text
	}
	return doc["value"]
}

// locateSet makes the path in a KEY=VALUE absolute, if KEY takes one.
func locateSet(dir, entry string) string {
	key, text, ok := cutSet(entry)
	own := strings.Split(key, ".")
	for len(own) > 1 && own[0] == "aux" {
		own = own[1:]
	}
	if !ok || !takesPath(own) {
		return entry
	}
	written, ok := setValue(text).(string)
	if !ok || written == "" {
		return entry
	}
	_, spelling := locate(dir, written)
	return key + "=" + spelling
}

// takesPath reports whether a key, split at its dots, is a file name.
func takesPath(key []string) bool {
	section, name := "", key[0]
	if len(key) == 2 {
		section, name = key[0], key[1]
	}
	for s, t := range sections {
		if f, ok := fieldNamed(t, name); ok && s == section {
			return len(key) <= 2 && f.Tag.Get("path") == "file" && f.Type.Kind() == reflect.String
		}
	}
	return false
}
