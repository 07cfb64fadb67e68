package kernel

// Portable returns the set in plain Go.
func Portable() *Kernels {
	return &Kernels{
		name:       "go",
		tiles:      []tileFunc{tileRowsGo(1), tileRowsGo(2), tileRowsGo(3), tileGo},
		transpose:  transposeGo,
		copyPanel:  copyGo(panelCols),
		copyStrip:  copyGo(twinRows),
		peak:       peakGo,
		exp:        expGo,
		expSum:     expSumGo,
		max:        maxGo,
		gelu:       geluGo,
		geluGrad:   geluGradGo,
		combine:    combineGo,
		scale:      scaleGo,
		mul:        mulGo,
		bySign:     bySignGo,
		sum:        sumGo,
		dot:        dotGo,
		dev:        devGo,
		softGrad:   softGradGo,
		norm:       normGo,
		normSums:   normSumsGo,
		normGrad:   normGradGo,
		rise:       riseGo,
		squares:    squaresGo,
		products:   productsGo,
		affine:     affineGo,
		affineGrad: affineGradGo,
		adamw:      adamwGo,
	}
}
