package inspect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"m2pt/checkpoint"
	"m2pt/inspect"
)

func TestTerms(t *testing.T) {
	ts := collect(t,
		floats("blocks.0.attn.qkv.weight", 3, 4), floats("blocks.0.attn.qkv.cross_modal_scale", -0.5), floats("blocks.0.attn.qkv.aux_weight", 6, 8),
		floats("blocks.0.attn.qkv.cross_modal_scale.1", 0.25), floats("blocks.0.attn.qkv.aux_weight.1", 0, 2),
		floats("blocks.1.attn.qkv.weight", 0, 0), floats("blocks.1.attn.qkv.cross_modal_scale", 1.5), floats("blocks.1.attn.qkv.aux_weight", 0, 1),
		floats("head.weight", 1))
	got, err := inspect.Terms(ts)
	if err != nil {
		t.Fatal(err)
	}
	want := []inspect.Term{
		{Layer: "blocks.0.attn.qkv", Lambda: -0.5, Weight: 5, AuxWeight: 10, Share: 1},
		{Layer: "blocks.0.attn.qkv", Aux: 1, Lambda: 0.25, Weight: 5, AuxWeight: 2, Share: 0.1},
		{Layer: "blocks.1.attn.qkv", Lambda: 1.5, Weight: 0, AuxWeight: 1, Share: 0},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	kinds := []inspect.Kind{
		{Kind: "attn.qkv", Terms: 2, Min: -0.5, Max: 1.5, MeanAbs: 1, MeanShare: 0.5},
		{Kind: "attn.qkv", Aux: 1, Terms: 1, Min: 0.25, Max: 0.25, MeanAbs: 0.25, MeanShare: 0.1},
	}
	if got := inspect.Kinds(want); !slices.Equal(got, kinds) {
		t.Errorf("%+v, want %+v", got, kinds)
	}
}

func TestTermsReject(t *testing.T) {
	w, scale, aux := floats("l.weight", 1, 2), floats("l.cross_modal_scale", 1), floats("l.aux_weight", 1, 2)
	for name, c := range map[string]struct {
		tensors []checkpoint.Tensor
		want    string
	}{
		"no W":      {[]checkpoint.Tensor{scale, aux}, `"l.weight"`},
		"no λ":      {[]checkpoint.Tensor{w, aux}, `"l.cross_modal_scale"`},
		"no W′":     {[]checkpoint.Tensor{w, scale}, "run folder"},
		"two λ":     {[]checkpoint.Tensor{w, floats("l.cross_modal_scale", 1, 2), aux}, "λ of shape [2]"},
		"W′ differ": {[]checkpoint.Tensor{w, scale, floats("l.aux_weight", 1)}, "W′ of [1]"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := inspect.Terms(collect(t, c.tensors...)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := inspect.Terms(collect(t, w)); !errors.Is(err, inspect.ErrNoPathway) {
		t.Errorf("%v, want %v", err, inspect.ErrNoPathway)
	}
}
