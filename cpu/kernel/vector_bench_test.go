package kernel

import "testing"

// BenchmarkVector times the functions on 1576 x 192 values, the tokens of eight
// images in ViT-Ti/16, on one thread. Bytes are those read and written.
func BenchmarkVector(b *testing.B) {
	const rows, cols = 1576, 192
	p := NewPool(1)
	defer p.Close()
	x, y, z := random(rows*cols, 1).x, random(rows*cols, 2).x, make([]float32, rows*cols)
	gamma, sums, dbeta := random(cols, 3).x, make([]float32, cols), make([]float32, cols)
	mean, rstd := make([]float32, rows), make([]float32, rows)
	v := make([]float32, rows*cols)
	o := AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correct1: 0.1, Correct2: 0.001}
	for _, k := range sets() {
		w := NewWorkspace(k, p)
		for _, c := range []struct {
			name    string
			streams int64 // matrices read and written
			run     func()
		}{
			{"Exp", 2, func() { k.Exp(z, x) }},
			{"GELU", 2, func() { k.GELU(z, x) }},
			{"GELUGrad", 3, func() { k.GELUGrad(z, x, y) }},
			{"Combine", 3, func() { k.Combine(z, 1, x, 0.5, y) }},
			{"Sum", 1, func() { k.Sum(x) }},
			{"Dot", 2, func() { k.Dot(x, y) }},
			{"Softmax", 2, func() { k.Softmax(z, mean, x, cols, 0.125) }},
			{"SoftmaxGrad", 3, func() { k.SoftmaxGrad(z, x, y, cols, 0.125) }},
			{"LayerNorm", 2, func() { k.LayerNorm(z, mean, rstd, x, gamma, gamma, 1e-6) }},
			{"LayerNormGrad", 3, func() { w.LayerNormGrad(z, sums, dbeta, y, x, gamma, mean, rstd) }},
			{"ColumnSums", 1, func() { w.ColumnSums(sums, x) }},
			{"AdamW", 7, func() { k.AdamW(z, y, v, x, o) }},
		} {
			b.Run(c.name+"/"+k.Name(), func(b *testing.B) {
				b.SetBytes(c.streams * 4 * rows * cols)
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}
