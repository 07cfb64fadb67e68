// Package randaug reads timm's strings for RandAugment, such as
// "rand-m9-mstd0.5-inc1": "rand", then sections of a name and a number.
package randaug

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Policy is what such a string says.
type Policy struct {
	Magnitude  int     // m: mean magnitude, 0 to 10 (default)
	Std        float64 // mstd: its standard deviation, 0 (default) to 100
	Ops        int     // n: operations per picture, 1 or more, 2 by default
	Increasing bool    // inc: every operation grows stronger with the magnitude
	Weighted   bool    // w0: operations are chosen by weight, without replacement
}

// MaxWeighted is the largest Ops of a Weighted policy: so many operations have
// a weight above 0.
const MaxWeighted = 13

// maxOps bounds the work that a string can ask for.
const maxOps = 100

// Parse reads a string. Of two sections with one name the last counts, and inc
// counts whatever its number, inc0 too: both as in timm.
func Parse(text string) (Policy, error) {
	p := Policy{Magnitude: 10, Ops: 2}
	sections := strings.Split(text, "-")
	if sections[0] != "rand" {
		return p, errors.New(`want "rand" first, as in "rand-m9-mstd0.5-inc1"`)
	}
	for _, s := range sections[1:] {
		if err := p.section(s); err != nil {
			return p, fmt.Errorf("section %q: %w", s, err)
		}
	}
	if p.Weighted && p.Ops > MaxWeighted {
		return p, fmt.Errorf("n is %d, want at most %d with w0, which repeats no operation", p.Ops, MaxWeighted)
	}
	return p, nil
}

// section reads one section into p.
func (p *Policy) section(s string) (err error) {
	name, number := s, ""
	if i := strings.IndexAny(s, "0123456789"); i >= 0 {
		name, number = s[:i], s[i:]
	}
	switch name {
	case "m":
		p.Magnitude, err = integer(number, 0, 10)
	case "n":
		p.Ops, err = integer(number, 1, maxOps)
	case "w":
		p.Weighted = true
		_, err = integer(number, 0, 0)
	case "inc":
		p.Increasing = true
		_, err = integer(number, 0, math.MaxInt32)
	case "mstd":
		if p.Std, err = strconv.ParseFloat(number, 64); err != nil || !(p.Std <= 100) {
			err = errors.New("want a number from 0 to 100")
		}
	default:
		err = errors.New("want m, n, mstd, inc or w and a number")
	}
	return err
}

func integer(s string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(s)
	switch {
	case err == nil && lo <= n && n <= hi:
		return n, nil
	case lo == hi:
		return 0, fmt.Errorf("want the number %d", lo)
	}
	return 0, fmt.Errorf("want an integer from %d to %d", lo, hi)
}
