package main

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"m2pt/data"
	"m2pt/internal/atomicfile"
	"m2pt/train"
)

// writePredictions writes a CSV row for every prediction that evaluate gives to
// row. The file appears when the evaluation is complete.
func writePredictions(path string, set data.Dataset, evaluate func(row func(train.Prediction) error) (train.Result, error)) (result train.Result, err error) {
	err = atomicfile.Write(path, 0o644, func(w io.Writer) error {
		t := csv.NewWriter(w)
		if err := t.Write([]string{"file", "label", "label_name", "prediction", "prediction_name", "probability", "correct"}); err != nil {
			return err
		}
		var err error
		if result, err = evaluate(func(p train.Prediction) error { return t.Write(row(p, set)) }); err != nil {
			return err
		}
		t.Flush()
		return t.Error()
	})
	return result, err
}

func row(p train.Prediction, set data.Dataset) []string {
	best, probability := answer(p.Logits)
	names := set.Classes()
	return []string{set.Name(p.Index), strconv.Itoa(p.Label), names[p.Label], strconv.Itoa(best), names[best],
		strconv.FormatFloat(probability, 'g', 6, 64), strconv.FormatBool(best == p.Label)}
}

// answer is the class with the highest logit, the first of equals and NaN last,
// and its softmax probability.
func answer(logits []float32) (class int, probability float64) {
	for i, v := range logits {
		if top := logits[class]; v > top || top != top && v == v {
			class = i
		}
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - logits[class]))
	}
	return class, 1 / sum
}
