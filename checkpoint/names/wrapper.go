package names

import (
	"slices"
	"strings"
)

// wrappers are what programs put ahead of the names of a model: PyTorch's
// torch.compile and DataParallel; the keys of nested dicts; detectors; and what
// pretraining and Hugging Face call the encoder within a larger model.
func wrappers() []string {
	return []string{"_orig_mod.", "module.", "model.", "state_dict.", "model_state_dict.", "base_model.", "backbone.",
		"MAE_encoder.", "vit.", "videomae.", "encoder."}
}

// notWrapped are names that begin as a wrapper does: Point-MAE's tokenizer and
// Hugging Face's blocks.
func notWrapped() []string {
	return []string{"encoder.first_conv.", "encoder.second_conv.", "encoder.layer."}
}

// unwrap takes all wrappers off a name.
func unwrap(name string) string {
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	for !slices.ContainsFunc(notWrapped(), begins) {
		all := wrappers()
		i := slices.IndexFunc(all, begins)
		if i < 0 {
			break
		}
		name = name[len(all[i]):]
	}
	return name
}
