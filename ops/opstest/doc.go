// Package opstest is the conformance suite of devices: what a kernel must do
// to be an op of package ops.
//
// A [Case] is a kind with operands of one shape; [Cases] has at least one for
// every kind there is, with shapes chosen to be awkward: one token, one sample,
// primes, sizes that no vector width divides. Operands are drawn from numbers
// keyed by the case's name, so a failure can be repeated alone with -run.
//
// [Run] holds a device against the kinds' own Do in float64, [Gradients] holds
// every gradient against finite differences. The error of a tensor is
// max|got - want| / max|want|.
//
// On an engine.Storer, operands are kept as it wants them, and their numbers are rounded
// before either side sees them.
//
// The suite does not time kernels and does not test the engine.
package opstest
