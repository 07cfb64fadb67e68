// Package spectrogram turns waveforms into log-mel spectrograms, as Kaldi's
// fbank does with a Hann window and no dither, and augments them.
//
// Vocabulary: a frame is a stretch of 25 ms, one every 10 ms; a mel band is a
// triangular filter over the power spectrum of a frame; a [Bank] holds the bands
// of one sampling rate; an [Analyzer] is one goroutine's memory for using it.
//
// Shape letters: T frames (time), M mel bands. A spectrogram is [T, M], time
// first.
//
// The package reads no files and draws no random numbers: what augmentation needs
// of them is passed in.
package spectrogram
