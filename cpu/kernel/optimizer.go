package kernel

import "math"

// AdamW holds the settings of one update (Loshchilov and Hutter, "Decoupled
// weight decay regularization", ICLR 2019), in the order of PyTorch.
type AdamW struct {
	LR           float64
	Beta1, Beta2 float64
	Eps          float64
	WeightDecay  float64
	Correct1     float64 // 1 - b1^t, t the number of this update, counted from 1
	Correct2     float64 // 1 - b2^t
}

// coef reduces the settings to what an element needs, in this order: the decay
// factor, b1, 1-b1, b2, 1-b2, 1/sqrt(1-b2^t), eps and lr/(1-b1^t).
func (o AdamW) coef() [8]float32 {
	return [8]float32{
		float32(1 - o.LR*o.WeightDecay),
		float32(o.Beta1), float32(1 - o.Beta1),
		float32(o.Beta2), float32(1 - o.Beta2),
		float32(1 / math.Sqrt(o.Correct2)),
		float32(o.Eps),
		float32(o.LR / o.Correct1),
	}
}

// AdamW updates parameters p and their moments m and v with gradients g, in place:
//
//	p *= 1 - lr*wd
//	m = b1*m + (1-b1)*g
//	v = b2*v + (1-b2)*g*g
//	p -= lr/(1-b1^t) * m / (sqrt(v)/sqrt(1-b2^t) + eps)
func (k *Kernels) AdamW(p, m, v, g []float32, o AdamW) {
	n := len(p)
	k.adamw(p, m[:n], v[:n], g[:n], o.coef())
}
