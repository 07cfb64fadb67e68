package heads

import (
	"m2pt/nn"
	"m2pt/ops"
)

// Pixels is the reconstruction of patches of pictures, spectrograms and clips. Its
// targets are what each patch shows, P numbers ordered by time, row, column, channel.
type Pixels struct {
	Kernel   [3]int // of a patch: time, height, width
	Stride   [3]int // from one patch to the next, as the encoder's; 0 is Kernel
	Channels int
	// Norm standardises the targets: "patch" over each patch (MAE's norm_pix_loss),
	// "channel" over each channel of it (VideoMAE), "" not at all.
	Norm string
	// Input says how targets come from the input, as the encoder's tokens do; nothing
	// leaves floating-point input as it is and stored uint8 pixels in [0, 1].
	Input Normalised
}

// Normalised are pixels less a mean over a deviation, of each channel.
type Normalised struct{ Mean, Std []float64 }

// Out is the number P of numbers of a patch.
func (p Pixels) Out() int { return p.Kernel[0] * p.Kernel[1] * p.Kernel[2] * p.Channels }

func (p Pixels) stride() [3]int {
	if p.Stride == [3]int{} {
		return p.Kernel
	}
	return p.Stride
}

// Targets are those of the patches index [B, M] of x [B, C, ...]: [B, M, P].
func (p Pixels) Targets(s nn.Scope, x, index *ops.Node) *ops.Node {
	return p.standardise(s, s.Gather(s.PatchTargets(x, p.Kernel, p.stride(), p.Input.Mean, p.Input.Std), index))
}

// AllTargets are those of all patches of x: [B, N, P].
func (p Pixels) AllTargets(s nn.Scope, x *ops.Node) *ops.Node {
	return p.standardise(s, s.PatchTargets(x, p.Kernel, p.stride(), p.Input.Mean, p.Input.Std))
}

func (p Pixels) standardise(s nn.Scope, t *ops.Node) *ops.Node {
	switch p.Norm {
	case "":
		return t
	case "patch":
		return s.StandardizePatches(t, ops.StandardizePatches{Channels: 1, VarEps: 1e-6})
	case "channel":
		return s.StandardizePatches(t, ops.StandardizePatches{Channels: p.Channels, StdEps: 1e-6})
	}
	s.Fail("reconstruction: norm %q: want patch, channel or none", p.Norm)
	return nil
}

// Loss is Σₘ wₘ·mean (pred - target)² per sample, [B], of predictions [B, M, P] for
// the patches index [B, M] of x, with weights w [B, M].
func (p Pixels) Loss(s nn.Scope, x, pred, index, w *ops.Node) *ops.Node {
	return s.SquaredError(pred, p.Targets(s, x, index), w)
}

// Points is the reconstruction of groups of neighbouring points (Point-MAE). Its
// targets are the S neighbours of a group relative to their centre; their order is
// of no account.
type Points struct {
	Size int  // S
	L1   bool // whether distances count instead of their squares (see [ops.Chamfer])
}

// Out is the number of coordinates of a group.
func (p Points) Out() int { return 3 * p.Size }

// Targets are the groups index [B, M] of the neighbours local [B, G, S, 3] of all:
// [B, M, S, 3].
func (p Points) Targets(s nn.Scope, local, index *ops.Node) *ops.Node {
	return s.Gather(local, index)
}

// Loss is the Chamfer distance per sample, [B], of predictions [B, M, 3S] for the
// groups index [B, M] from their neighbours.
func (p Points) Loss(s nn.Scope, local, pred, index *ops.Node) *ops.Node {
	if s.Err() != nil {
		return nil
	}
	shape := ops.SpecOf(pred).Shape
	return s.Chamfer(s.Reshape(pred, shape[0], shape[1], p.Size, 3), p.Targets(s, local, index), p.L1)
}
