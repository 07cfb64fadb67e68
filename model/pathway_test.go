package model

import (
	"slices"
	"testing"
)

func TestSplitTerm(t *testing.T) {
	for _, c := range []struct {
		param, layer, name string
		term               int
		ok                 bool
	}{
		{"blocks.3.attn.qkv.cross_modal_scale", "blocks.3.attn.qkv", ScaleName, 0, true},
		{"blocks.3.attn.qkv.aux_weight", "blocks.3.attn.qkv", AuxName, 0, true},
		{"fc.aux_weight.1", "fc", AuxName, 1, true},
		{"fc.cross_modal_scale.15", "fc", ScaleName, 15, true},
		{"fc.cross_modal_scale.1600", "fc", ScaleName, 1600, true},
		{"fc.cross_modal_scale.99999999999999999999", "", "", 0, false},
		{"fc.aux_weight.0", "", "", 0, false},
		{"fc.aux_weight.01", "", "", 0, false},
		{"fc.aux_weight.-1", "", "", 0, false},
		{"fc.aux_weight.+1", "", "", 0, false},
		{"fc.aux_weight.x", "", "", 0, false},
		{"fc.aux_weight1", "", "", 0, false},
		{"fc.aux_weight.exp_avg", "", "", 0, false},
		{"fc.weight", "", "", 0, false},
		{"aux_weight", "", "", 0, false},
		{"", "", "", 0, false},
	} {
		layer, name, term, ok := SplitTerm(c.param)
		if layer != c.layer || name != c.name || term != c.term || ok != c.ok {
			t.Errorf("%q: %q, %q, %d, %v, want %+v", c.param, layer, name, term, ok, c)
		}
	}
}

func TestTerms(t *testing.T) {
	first := Term{"fc.cross_modal_scale", "fc.aux_weight"}
	third := Term{"fc.cross_modal_scale.2", "fc.aux_weight.2"}
	last := Term{"fc.cross_modal_scale.17", "fc.aux_weight.17"}
	for _, c := range []struct {
		name   string
		exist  []string
		expect []Term
	}{
		{"none", []string{"fc.weight", "other.fc.aux_weight"}, nil},
		{"one", []string{first.Scale, first.Aux}, []Term{first}},
		{"a gap", []string{third.Aux, third.Scale, first.Scale, first.Aux}, []Term{first, third}},
		{"many", []string{last.Aux, last.Scale, third.Aux, third.Scale}, []Term{third, last}},
		{"a half", []string{third.Aux}, []Term{third}},
	} {
		got := Terms("fc", slices.Values(c.exist))
		if !slices.Equal(got, c.expect) {
			t.Errorf("%s: %v, want %v", c.name, got, c.expect)
		}
	}
}

func TestPartner(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Pathway
		want []int // by target block, -1 where there is none
	}{
		{"forward", Pathway{AuxDepth: 3}, []int{0, 1, 2}},
		{"forward, deeper", Pathway{AuxDepth: 9}, []int{0, 1, 2}},
		{"forward, shallower", Pathway{AuxDepth: 2}, []int{0, 1, -1}},
		{"reversed", Pathway{AuxDepth: 3, Reversed: true}, []int{2, 1, 0}},
		{"reversed, deeper", Pathway{AuxDepth: 9, Reversed: true}, []int{8, 7, 6}},
		{"reversed, shallower", Pathway{AuxDepth: 2, Reversed: true}, []int{1, 0, -1}},
	} {
		for i, want := range c.want {
			if j, ok := c.p.Partner(i); ok != (want >= 0) || ok && j != want {
				t.Errorf("%s: block %d with %d, %v, want %d", c.name, i, j, ok, want)
			}
		}
	}
}

func TestFold(t *testing.T) {
	w := []float32{1, 2}
	Fold(w, .5, []float32{3, -1})
	if !slices.Equal(w, []float32{2.5, 1.5}) {
		t.Errorf("folded %v, want [2.5 1.5]", w)
	}
}
