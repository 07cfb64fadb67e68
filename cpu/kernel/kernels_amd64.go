package kernel

import "golang.org/x/sys/cpu"

// native returns the AVX2 set, or nil on a processor without AVX2 and FMA.
func native() *Kernels {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	return &Kernels{
		name:       "avx2",
		tiles:      []tileFunc{tile1AVX2, tile2AVX2, tile3AVX2, tile4AVX2, tile5AVX2, tile6AVX2},
		transpose:  transposeAVX2,
		copyPanel:  copy16AVX2,
		copyStrip:  copy6AVX2,
		peak:       peakAVX2,
		exp:        expAVX2,
		expSum:     expSumAVX2,
		max:        maxAVX2,
		gelu:       geluAVX2,
		geluGrad:   geluGradAVX2,
		combine:    combineAVX2,
		scale:      scaleAVX2,
		mul:        mulAVX2,
		bySign:     bySignAVX2,
		sum:        sumAVX2,
		dot:        dotAVX2,
		dev:        devAVX2,
		softGrad:   softGradAVX2,
		norm:       normAVX2,
		normSums:   normSumsAVX2,
		normGrad:   normGradAVX2,
		rise:       riseAVX2,
		squares:    squaresAVX2,
		products:   productsAVX2,
		affine:     affineAVX2,
		affineGrad: affineGradAVX2,
		adamw:      adamwAVX2,
	}
}
