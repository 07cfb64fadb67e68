// Package ops holds the operations a Vision Transformer with pathways is made
// of, as nodes of a gorgonia graph.
//
// Vocabulary: a [Kind] says what an operation computes: its static attributes,
// shape rule, gradient and plain Go reference, one file each. An [Op] is a Kind
// at work in one graph and is what gorgonia sees; all of gorgonia's rules for
// ops live in op.go and nowhere else. A [Graph] is a gorgonia graph under
// construction. Inputs of a graph are state (parameters and what else lives
// between steps) or feeds (what the host writes per batch or per update).
//
// An operation may have several outputs. Its node stands for output 0;
// [Graph.Out] gives an alias node for output k (the mean and 1/σ that LayerNorm
// saves, the dγ and dβ beside dx). Aliases cost nothing in the engine.
//
// Do of each Kind is the oracle: written for reading, generic over float32 and
// float64, run by gorgonia's own machines and by the reference device, and what
// every fast device is compared with (package opstest).
//
// Shape letters: B batch, N tokens, D width, H heads, M rows, K features or
// classes, C channels, P patch size. Tensors are dense and row-major; a linear
// weight is [out, in].
package ops
