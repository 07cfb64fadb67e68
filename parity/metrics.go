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

// metricsPartSeg: the parts that logits say and the figures over all shapes. The
// category of a shape is that of its first label.
func metricsPartSeg(r *replay) {
	var m struct {
		Categories []string
		Parts      map[string][]int32
	}
	r.meta(&m)
	shape := r.tensor("in/logits").Shape // [shapes, points, parts]
	N, P := shape[1], shape[2]
	var parts [][]int32
	categoryOf := make([]int, P)
	for c, name := range m.Categories {
		parts = append(parts, m.Parts[name])
		for _, id := range m.Parts[name] {
			categoryOf[id] = c
		}
	}
	tally, err := train.NewPartTally(m.Categories, parts, P)
	r.must(err)
	logits, labels := r.floats("in/logits"), r.ints("in/labels")
	var predicted []int32
	for i := range shape[0] {
		own := labels[i*N:][:N]
		p, err := tally.Add(logits[i*N*P:][:N*P], own, categoryOf[own[0]])
		r.must(err)
		predicted = append(predicted, p...)
	}
	checkValues(r, equal(), "out/pred", convert[int64](predicted))
	r.checkPartFigures(tally.Result(), m.Categories)
}

func (r *replay) checkPartFigures(got train.PartSegmentation, categories []string) {
	for name, v := range map[string]float64{"accuracy": got.Accuracy, "class_avg_accuracy": got.ClassAccuracy,
		"class_miou": got.ClassIoU, "instance_miou": got.InstanceIoU} {
		checkValues(r, exact64(), "out/"+name, []float64{v})
	}
	var names []string
	var ious []float64
	for _, c := range got.Categories {
		names, ious = append(names, c.Name), append(ious, c.IoU)
	}
	r.same("categories", names, categories)
	checkValues(r, exact64(), "out/per_category_iou", ious)
}
