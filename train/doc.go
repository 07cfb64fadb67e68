// Package train runs experiments: it turns a config into data, a model and a
// device program, steps it, evaluates, and keeps the run folder.
//
// A batch travels from data.Loader into the program's feeds; the program's
// graph ([Classifier]) goes from stored samples to the loss of each, [Update]
// from there to new parameters; nothing but losses and norms comes back. What a
// run leaves is its folder: config.toml, metrics.jsonl, summary.csv and
// checkpoints ([checkpoint.Run]).
//
// Vocabulary: a step is one update of the weights with `train.batch` samples;
// it may be split into micro-steps (`train.accumulate`). Steps per epoch =
// ⌊N/batch⌋. A position is (epoch, samples of it used); training resumes from
// any position with the same bits. What trains is a [Classifier] or, in pretraining,
// a [Pretrainer]; its masked loss is held against yardsticks: the best constant
// answer, and a probe of what its frozen encoder tells of the classes.
package train
