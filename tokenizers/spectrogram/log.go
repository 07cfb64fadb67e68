package spectrogram

import "math"

// logarithm is a table of the natural logarithms of c = 1 + i/128, i < 128, and of
// 1/c. It serves x = 2^e m, 1 <= m < 2, with the largest c that m is not below:
//
//	ln x = e ln 2 + ln c + ln(1+r) = e ln 2 + ln c + r - r²/2 + r³/3 - ...,  r = m/c - 1 < 1/128
//
// What is left out is below r⁴/4 < 1e-9, less than float32 tells apart beyond 0.02.
type logarithm [128]struct{ ln, inverse float64 }

func newLogarithm() *logarithm {
	l := new(logarithm)
	for i := range l {
		c := 1 + float64(i)/float64(len(l))
		l[i].ln, l[i].inverse = math.Log(c), 1/c
	}
	return l
}

// apply makes each x, positive and normal, ln x. It takes less than half the time
// of math.Log, which serves what is not finite.
func (l *logarithm) apply(row []float32) {
	for i, x := range row {
		if !(x <= math.MaxFloat32) {
			row[i] = float32(math.Log(float64(x)))
			continue
		}
		b := math.Float32bits(x)
		c := &l[b>>16%128]
		r := float64(math.Float32frombits(b%(1<<23)|1<<23*127))*c.inverse - 1
		row[i] = float32(float64(int32(b>>23)-127)*math.Ln2 + c.ln + r*(1+r*(-1./2+r*(1./3))))
	}
}
