package data

import (
	"math"
	"testing"
)

// keys returns the keys of rows first..first+b-1 of epoch 0.
func keys(first, b int) []int32 {
	k := make([]int32, 2*b)
	for j := range b {
		k[2*j+1] = int32(first + j)
	}
	return k
}

// drawn are the statistics of many draws of a Mix on pictures 20 x 30.
type drawn struct {
	mixup, cutmix, none float64 // shares
	lam, vari           float64 // mean and variance of lam where mixed up
	height, width       float64 // mean sides of cutmix boxes
}

func statistics(t *testing.T, m Mix) (d drawn) {
	t.Helper()
	const n, h, w = 20000, 20, 30
	lam, box := make([]float32, n), make([]int32, 4*n)
	m.Draw(1, keys(0, n), h, w, lam, box)
	for j, l := range lam {
		b := box[4*j : 4*j+4]
		bh, bw := float64(b[1]-b[0]), float64(b[3]-b[2])
		if b[0] < 0 || b[1] > h || b[2] < 0 || b[3] > w || bh < 0 || bw < 0 || l < 0 || l > 1 {
			t.Fatalf("lam %g, box %v", l, b)
		}
		switch {
		case bh*bw > 0:
			d.cutmix++
			d.height += bh
			d.width += bw
			if want := 1 - bh*bw/(h*w); math.Abs(float64(l)-want) > 1e-6 {
				t.Fatalf("box %v: lam %g, want %g", b, l, want)
			}
		case l == 1:
			d.none++
		default:
			d.mixup++
			d.lam += float64(l)
			d.vari += float64(l) * float64(l)
		}
	}
	d.lam, d.height, d.width = d.lam/d.mixup, d.height/d.cutmix, d.width/d.cutmix
	d.vari = d.vari/d.mixup - d.lam*d.lam
	d.mixup, d.cutmix, d.none = d.mixup/n, d.cutmix/n, d.none/n
	return d
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %g, want %g within %g", what, got, want, tolerance)
	}
}

func TestMixDistribution(t *testing.T) {
	d := statistics(t, Mix{Mixup: 0.8, Prob: 1, Mode: MixElem})
	near(t, "mixup always", d.mixup, 1, 1e-3)
	near(t, "mean of Beta(0.8, 0.8)", d.lam, 0.5, 0.02)
	near(t, "variance of Beta(0.8, 0.8)", d.vari, 0.25/2.6, 0.005)

	d = statistics(t, Mix{Mixup: 0.8, Cutmix: 1, Prob: 0.6, Switch: 0.25, Mode: MixElem})
	near(t, "nothing", d.none, 0.4, 0.02) // and the rare empty boxes of cutmix
	near(t, "mixup", d.mixup, 0.6*0.75, 0.015)
	near(t, "cutmix", d.cutmix, 0.6*0.25, 0.015)

	// Beta(1, 1) is uniform: the side before clipping is n*sqrt(1-lam), mean
	// 2n/3; a centre uniform over the picture cuts off side^2/(4n), mean n/8.
	d = statistics(t, Mix{Cutmix: 1, Prob: 1, Mode: MixElem})
	near(t, "cutmix height", d.height, 20*(2.0/3-1.0/8), 0.8)
	near(t, "cutmix width", d.width, 30*(2.0/3-1.0/8), 0.9)

	d = statistics(t, Mix{Cutmix: 1, Prob: 1, CutmixMinMax: [2]float64{0.2, 0.8}, Mode: MixElem})
	near(t, "cutmix height by side", d.height, (4+15)/2.0, 0.2) // uniform on 4..15
	near(t, "cutmix width by side", d.width, (6+23)/2.0, 0.3)   // uniform on 6..23

	if d = statistics(t, Mix{Prob: 1, Mode: MixElem}); d.none != 1 {
		t.Errorf("alphas of 0 mix %g", 1-d.none)
	}
}

// TestMixModes: which rows share a draw.
func TestMixModes(t *testing.T) {
	const b = 6
	draw := func(mode MixMode, first int) ([]float32, []int32) {
		lam, box := make([]float32, b), make([]int32, 4*b)
		Mix{Mixup: 1, Cutmix: 1, Prob: 1, Switch: 0.5, Mode: mode}.Draw(1, keys(first, b), 32, 32, lam, box)
		return lam, box
	}
	for first := range 10 {
		lam, box := draw(MixBatch, first)
		for j := range lam {
			if lam[j] != lam[0] || [4]int32(box[4*j:]) != [4]int32(box) {
				t.Errorf("batch: row %d has lam %g, row 0 %g", j, lam[j], lam[0])
			}
		}
		lam, box = draw(MixPair, first)
		for j := range lam {
			if p := b - 1 - j; lam[j] != lam[p] || [4]int32(box[4*j:]) != [4]int32(box[4*p:]) {
				t.Errorf("pair: row %d has lam %g, row %d %g", j, lam[j], p, lam[p])
			}
		}
		if lam[0] == lam[1] {
			t.Error("pair: two pairs share lam")
		}
		if lam, _ = draw(MixElem, first); lam[0] == lam[b-1] {
			t.Error("elem: two samples share lam")
		}
	}
	one, _ := draw(MixBatch, 0)
	if other, _ := draw(MixBatch, b); one[0] == other[0] {
		t.Error("two batches share lam")
	}
}

func TestCutmixSpan(t *testing.T) {
	for _, c := range []struct {
		name              string
		centre, length, n int
		lo, hi            int32
	}{
		{"cut off below", 15, 10, 16, 10, 16},
		{"cut off on the right", 10, 8, 12, 6, 12},
		{"cut off above", 1, 10, 16, 0, 6},
		{"inside, odd length", 8, 5, 16, 6, 10},
		{"nothing", 8, 1, 16, 8, 8},
	} {
		if lo, hi := span(c.centre, c.length, c.n); lo != c.lo || hi != c.hi {
			t.Errorf("%s: %d..%d, want %d..%d", c.name, lo, hi, c.lo, c.hi)
		}
	}
}

func TestParseMixMode(t *testing.T) {
	for name, want := range map[string]MixMode{"batch": MixBatch, "pair": MixPair, "elem": MixElem} {
		if got, err := ParseMixMode(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := ParseMixMode("half"); err == nil {
		t.Error("half: no error")
	}
}

func TestEraseDistribution(t *testing.T) {
	const n, h, w = 20000, 64, 64
	box := make([]int32, 4*n)
	Erase{Prob: 0.25}.Draw(1, keys(0, n), h, w, box)
	erased, area, logAspect := 0.0, 0.0, 0.0
	for j := range n {
		y0, y1, x0, x1 := box[4*j], box[4*j+1], box[4*j+2], box[4*j+3]
		if y1 == y0 {
			continue
		}
		eh, ew := float64(y1-y0), float64(x1-x0)
		if y0 < 0 || y1 > h || x0 < 0 || x1 > w || eh >= h || ew >= w {
			t.Fatalf("box %v", box[4*j:4*j+4])
		}
		if a := eh * ew / (h * w); a < 0.018 || a > 0.35 {
			t.Errorf("area %g", a)
		}
		if r := eh / ew; r < 0.25 || r > 4 {
			t.Errorf("aspect %g", r)
		}
		erased++
		area += eh * ew / (h * w)
		logAspect += math.Log(eh / ew)
	}
	near(t, "share erased", erased/n, 0.25, 0.01)
	near(t, "area", area/erased, (0.02+1.0/3)/2, 0.006) // slightly less: the largest do not always fit
	near(t, "log aspect", logAspect/erased, 0, 0.04)
}
