package video

import (
	"fmt"
	"regexp"
	"strconv"
)

// pattern says what the frame with a number is called.
type pattern struct {
	before, after string
	width         int // of the number, with zeros in front
}

// parsePattern reads a pattern written as in Python: "img_{:05}.jpg", "{:06d}.png",
// "{}.jpg".
func parsePattern(s string) (pattern, error) {
	m := regexp.MustCompile(`^([^{}]*)\{(?::0(\d{1,2})d?|:d)?\}([^{}]*)$`).FindStringSubmatch(s)
	if m == nil {
		return pattern{}, fmt.Errorf("pattern %q: want one number in braces, as in img_{:05}.jpg", s)
	}
	width, _ := strconv.Atoi(m[2]) // 0 where it is left out
	return pattern{m[1], m[3], width}, nil
}

func (p pattern) name(number int) string {
	return fmt.Sprintf("%s%0*d%s", p.before, p.width, number, p.after)
}
