// Package audio reads sound clips for classification and turns them into
// log-mel spectrograms.
//
// Vocabulary: a [Source] lists labelled clips and loads them; a [Clip] is a
// waveform of one or more channels; [Files] are clips in WAV or FLAC files,
// listed as datasets list them; a [Resampler] changes a clip's rate. [NewDataset]
// joins a source and [Options] into a data.Dataset with samples [T,M] of float32:
// T frames, M mel bands.
//
// A sample is made in this order: load, resample, remove the mean, roll and
// scale, mix with another clip, filterbank (of the first channel), pad with zeros
// or cut to T, mask, normalise, noise. What is random about it is in [Augment].
//
// Unlike pictures, spectrograms leave this package normalised: they are float32
// already.
package audio
