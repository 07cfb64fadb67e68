package experiment

import (
	"fmt"
	"strings"
)

// lineIndex maps each key of a TOML document to its line, from 1. Keys of
// element n of an array of tables are name[n].key, those of the first one also
// name.key. The decoder tells no positions for keys it accepts, so this reads
// the text itself; the text is known to parse.
type lineIndex map[string]int

func indexLines(text string) lineIndex {
	index := lineIndex{}
	elements := map[string]int{}
	section, line := "", 1
	for text != "" {
		statement := text[:statementLen(text)]
		head := strings.TrimLeft(statement, " \t\r")
		switch {
		case strings.HasPrefix(head, "[["):
			name := headerName(head)
			section = fmt.Sprintf("%s[%d]", name, elements[name])
			elements[name]++
			index.add(section, line)
		case strings.HasPrefix(head, "["):
			section = headerName(head)
			index.add(section, line)
		case strings.Contains(head, "=") && head[0] != '#':
			key, _, _ := strings.Cut(head, "=")
			index.add(join(section, strings.TrimSpace(key)), line)
		}
		line += strings.Count(statement, "\n")
		text = text[len(statement):]
	}
	return index
}

func (index lineIndex) add(key string, line int) {
	for _, k := range []string{key, strings.Replace(key, "[0]", "", 1)} {
		if _, ok := index[k]; !ok {
			index[k] = line
		}
	}
}

// find returns the line of key, or of the nearest thing around it (an inline
// table has one line for all its keys), or 0.
func (index lineIndex) find(key string) int {
	for key != "" {
		if line, ok := index[key]; ok {
			return line
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 0
}

func headerName(head string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(head, "["), "]")
	return strings.TrimSpace(name)
}

// statementLen is the length of the first statement of text with its line end:
// one line, or more where brackets or a multi-line string run on.
func statementLen(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '#':
			i += len(untilNewline(text[i:])) - 1
		case '"', '\'':
			i += stringLen(text[i:]) - 1
		case '\n':
			if depth <= 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func untilNewline(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// stringLen is the length of the TOML string that s begins with.
func stringLen(s string) int {
	quote := s[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s, triple) {
		quote = triple
	}
	for i := len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote[0] == '"':
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		}
	}
	return len(s)
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}
