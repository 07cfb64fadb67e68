package checkpoint

import "testing"

func TestCommonName(t *testing.T) {
	for name, want := range map[string]string{
		"blocks.0.attn.qkv.weight":                           "blocks.0.attn.qkv.weight",
		"module.blocks.3.mlp.fc1.weight":                     "blocks.3.mlp.fc1.weight",
		"_orig_mod.module.backbone.norm.weight":              "norm.weight",
		"encoder.blocks.1.attn.proj.weight":                  "blocks.1.attn.proj.weight",
		"encoder.patch_embed.proj.bias":                      "patch_embed.proj.bias",
		"module.MAE_encoder.blocks.blocks.11.mlp.fc2.weight": "blocks.11.mlp.fc2.weight",
		"MAE_encoder.encoder.first_conv.0.weight":            "encoder.first_conv.0.weight",
		"encoder.second_conv.3.bias":                         "encoder.second_conv.3.bias",
		"decoder.blocks.0.attn.qkv.weight":                   "decoder.blocks.0.attn.qkv.weight",
		"MAE_decoder.blocks.blocks.0.norm1.weight":           "MAE_decoder.blocks.blocks.0.norm1.weight",
		"base_model.module.blocks.blocks.0.attn.qkv.weight":  "blocks.0.attn.qkv.weight",
		"": "",
	} {
		if got := CommonName(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
