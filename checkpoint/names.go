package checkpoint

import "strings"

// CommonName is what a tensor of another project is called here: the prefixes of
// wrappers (module., _orig_mod., backbone., base_model., Point-MAE's MAE_encoder.) are
// taken off, VideoMAE's encoder. too where the encoder's own names follow, and
// Point-MAE's blocks.blocks. becomes blocks.
func CommonName(name string) string {
	for again := true; again; {
		again = false
		for _, prefix := range []string{"_orig_mod.", "module.", "backbone.", "base_model.", "MAE_encoder."} {
			if rest, ok := strings.CutPrefix(name, prefix); ok {
				name, again = rest, true
			}
		}
		if rest, ok := strings.CutPrefix(name, "encoder."); ok && !strings.HasPrefix(rest, "first_conv.") && !strings.HasPrefix(rest, "second_conv.") {
			name, again = rest, true
		}
	}
	if rest, ok := strings.CutPrefix(name, "blocks.blocks."); ok {
		return "blocks." + rest
	}
	return name
}
