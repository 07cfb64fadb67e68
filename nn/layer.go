package nn

import "m2pt/ops"

// LayerNorm is a layer normalisation over width d with parameters weight and
// bias in scope name.
func (s Scope) LayerNorm(name string, x *ops.Node, d int, eps float64) *ops.Node {
	return s.In(name, func(s Scope) *ops.Node {
		return s.Graph.LayerNorm(x, s.Param("weight", Ones, d), s.Param("bias", Zeros, d), eps)
	})
}

// Linear is a linear layer from width in to out with parameters weight [out, in]
// and bias [out], which starts at 0, in scope name.
func (s Scope) Linear(name string, x *ops.Node, in, out int, weight Init) *ops.Node {
	return s.In(name, func(s Scope) *ops.Node {
		return s.Graph.Linear(x, s.Param("weight", weight, out, in), s.Param("bias", Zeros, out))
	})
}

// Dense is a linear layer as PyTorch starts it: weight and bias U(±1/√in).
func (s Scope) Dense(name string, x *ops.Node, in, out int) *ops.Node {
	return s.In(name, func(s Scope) *ops.Node {
		return s.Graph.Linear(x, s.Param("weight", FanIn(in), out, in), s.Param("bias", FanIn(in), out))
	})
}

// Conv is a convolution of kernel size 1 over x [..., in]: Dense, but for its
// weight's shape [out, in, 1].
func (s Scope) Conv(name string, x *ops.Node, in, out int) *ops.Node {
	return s.Joined(name, []int{out, in, 1}, x)
}

// Joined is a Dense or Conv layer whose weight has the given shape [out, in] or
// [out, in, 1], of inputs joined along their channels, without joining them:
//
//	W·[x₁; x₂; ...] + β = W₁·x₁ + W₂·x₂ + ... + β
//
// with the columns of W that belong to each input. Inputs that have one axis less
// than others, [..., in₁] beside [..., M, in₂], count for each of the M entries:
// what entries share is multiplied once.
func (s Scope) Joined(name string, weight []int, xs ...*ops.Node) *ops.Node {
	return s.In(name, func(s Scope) *ops.Node {
		fanIn := weight[1]
		w, beta := s.Param("weight", FanIn(fanIn), weight...), s.Param("bias", FanIn(fanIn), weight[0])
		return s.sum(s.products(w, beta, xs))
	})
}

// products are W₁·x₁, W₂·x₂, ..., the last one with the bias.
func (s Scope) products(w, beta *ops.Node, xs []*ops.Node) []*ops.Node {
	if s.Err() != nil {
		return xs
	}
	products := make([]*ops.Node, len(xs))
	from := 0
	for i, x := range xs {
		columns, bias := w, (*ops.Node)(nil)
		shape := ops.SpecOf(x).Shape
		width := shape[len(shape)-1]
		if len(xs) > 1 {
			columns = s.Columns(w, from, width)
		}
		if i == len(xs)-1 {
			bias = beta
		}
		products[i] = s.Graph.Linear(x, columns, bias)
		from += width
	}
	if in := ops.SpecOf(w).Shape[1]; s.Err() == nil && from != in {
		s.Fail("%s: inputs of %d channels in all for a weight of %d", s.name, from, in)
	}
	return products
}

// sum adds up products; those that have one axis less than others are added to
// each entry of their sum.
func (s Scope) sum(products []*ops.Node) *ops.Node {
	if s.Err() != nil {
		return nil
	}
	byRank := map[int]*ops.Node{}
	highest := 0
	for _, p := range products {
		rank := len(ops.SpecOf(p).Shape)
		highest = max(highest, rank)
		if byRank[rank] != nil {
			p = s.Add(byRank[rank], p)
		}
		byRank[rank] = p
	}
	if shared := byRank[highest-1]; shared != nil {
		return s.AddEach(byRank[highest], shared)
	}
	return byRank[highest]
}

// Momentum of every running statistic, PyTorch's default.
const Momentum = 0.1

// BatchNorm is a batch normalisation of the k channels of x [..., k] with
// parameters weight, bias, running_mean and running_var in scope name. In training
// it uses the statistics of the micro-batch, unless the scope is frozen.
func (s Scope) BatchNorm(name string, x *ops.Node, k int, eps float64) *ops.Node {
	return s.In(name, func(s Scope) *ops.Node {
		return s.batchNorm(x, s.Param("weight", Ones, k), s.Param("bias", Zeros, k), k, eps)
	})
}

// Standardize is BatchNorm without weight and bias.
func (s Scope) Standardize(name string, x *ops.Node, k int, eps float64) *ops.Node {
	return s.In(name, func(s Scope) *ops.Node { return s.batchNorm(x, nil, nil, k, eps) })
}

func (s Scope) batchNorm(x, gamma, beta *ops.Node, k int, eps float64) *ops.Node {
	mean := Param{Name: s.Name("running_mean"), Shape: []int{k}, Init: Zeros, Fixed: true, Running: true}
	variance := Param{Name: s.Name("running_var"), Shape: []int{k}, Init: Ones, Fixed: true, Running: true}
	kind := ops.BatchNorm{Eps: eps, Momentum: Momentum, Train: s.Mode == Train && !s.Frozen}
	y := s.Graph.BatchNorm(x, gamma, beta, s.Declare(mean), s.Declare(variance), kind)
	if kind.Train && s.Err() == nil {
		s.reg.updates = append(s.reg.updates, Running{mean.Name, s.Out(y, 3)}, Running{variance.Name, s.Out(y, 4)})
	}
	return y
}

// Dropout sets elements of x to 0 in training, with probability rate, and divides
// the others by 1-rate; name tells the layers of a scope apart.
func (s Scope) Dropout(name string, x *ops.Node, rate float64) *ops.Node {
	if s.Mode == Eval || rate == 0 {
		return x
	}
	return s.Graph.Dropout(x, s.SampleKey(), rate, s.Seed, "dropout "+s.Name(name))
}
