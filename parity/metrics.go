package parity

import (
	"m2pt/engine"
	"m2pt/ops"
	"m2pt/train"
)

// metricsTopK: accuracies in percent and mean loss of recorded logits.
func metricsTopK(r *replay) {
	g := ops.NewGraph(ops.Float32)
	logits := r.feed(g, "logits")
	K := r.tensor("in/logits").Shape[1]
	loss := g.CrossEntropy(logits, g.OneHot(r.feed(g, "y"), K, 0))
	losses, err := r.run(g, nil, engine.Fetch{Name: "loss", Node: loss})[0].Float32s()
	r.must(err)
	var tally train.Tally
	z, y := r.floats("in/logits"), r.ints("in/y")
	for i, l := range losses {
		tally.Add(l, z[i*K:][:K], y[i])
	}
	result := tally.Result()
	// The reference divides in float32.
	checkValues(r, exact64(), "out/top1", []float32{float32(result.Top1)})
	checkValues(r, exact64(), "out/top5", []float32{float32(result.Top5)})
	checkValues(r, forward(), "out/cross_entropy", []float64{result.Loss})
}

// metricsAudio: average precision and area under the ROC curve per class, their
// means, and how often the largest score has the largest target.
func metricsAudio(r *replay) {
	m := train.RankMetrics(r.floats("in/scores"), r.floats("in/targets"), r.tensor("in/scores").Shape[1])
	checkValues(r, precision(), "out/ap", m.AP)
	checkValues(r, precision(), "out/mAP", []float64{m.MAP})
	checkValues(r, exact64(), "out/auc", m.AUC)
	checkValues(r, exact64(), "out/mAUC", []float64{m.MAUC})
	checkValues(r, exact64(), "out/d_prime_of_mean_auc", []float64{m.DPrime})
	checkValues(r, exact64(), "out/acc_argmax", []float64{m.Accuracy})
}
