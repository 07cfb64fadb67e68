package randaug

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Policy{
		"rand":                      {Magnitude: 10, Ops: 2},
		"rand-m9-mstd0.5-inc1":      {Magnitude: 9, Std: 0.5, Ops: 2, Increasing: true},
		"rand-m7-n4-mstd0.5-inc1":   {Magnitude: 7, Std: 0.5, Ops: 4, Increasing: true},
		"rand-inc0-n1-m0":           {Ops: 1, Increasing: true},
		"rand-mstd1-w0":             {Magnitude: 10, Std: 1, Ops: 2, Weighted: true},
		"rand-n13-w0":               {Magnitude: 10, Ops: 13, Weighted: true},
		"rand-m3-m4":                {Magnitude: 4, Ops: 2},
		"rand-m09-mstd1e1-n100":     {Magnitude: 9, Std: 10, Ops: 100},
		"rand-mstd0.125-inc2147483": {Magnitude: 10, Std: 0.125, Ops: 2, Increasing: true},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                `want "rand" first`,
		"m9-rand":         `want "rand" first`,
		"original":        `want "rand" first`,
		"rand-":           `section "": want m, n, mstd, inc or w and a number`,
		"rand-x3":         `section "x3": want m, n, mstd, inc or w and a number`,
		"rand-9":          `section "9": want m, n, mstd, inc or w and a number`,
		"rand-m":          `section "m": want an integer from 0 to 10`,
		"rand-m11":        `section "m11": want an integer from 0 to 10`,
		"rand-m9.5":       `section "m9.5": want an integer from 0 to 10`,
		"rand-n0":         `section "n0": want an integer from 1 to 100`,
		"rand-n101":       `section "n101": want an integer from 1 to 100`,
		"rand-inc":        `section "inc": want an integer`,
		"rand-w1":         `section "w1": want the number 0`,
		"rand-mstd":       `section "mstd": want a number from 0 to 100`,
		"rand-mstd101":    `section "mstd101": want a number from 0 to 100`,
		"rand-mstd1e999":  `section "mstd1e999": want a number from 0 to 100`,
		"rand-m9-inc1 ":   `section "inc1 ": want an integer`,
		"rand-w0-n14":     "n is 14, want at most 13 with w0",
		"rand-M9":         `section "M9": want m, n`,
		"rand-n1-mstd0x1": `section "mstd0x1": want a number`,
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"rand-m9-mstd0.5-inc1", "rand-w0-n3", "rand-mstdNaN", "rand--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err == nil && !(p.Magnitude >= 0 && p.Magnitude <= 10 && p.Std >= 0 && p.Std <= 100 && p.Ops >= 1 && p.Ops <= maxOps) {
			t.Errorf("%q: %+v is out of range", s, p)
		}
	})
}
