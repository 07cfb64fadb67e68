// Package video reads clips for action classification: from video files, folders
// of frames, tar shards of frames, from anything that is a [Source].
//
// Vocabulary: a [Source] lists labelled clips; a [Clip] is one of them, opened: it
// decodes the frames asked for and no others; a view is a choice of T frames and
// of a square of them. [NewDataset] joins a source and [Options] into a
// data.Dataset with samples [3,T,S,S] of uint8: colours R, G, B, frames, rows,
// columns.
//
// A sample is made in this order: choose frames, decode, augment, crop and resize
// to S x S, mirror. What is random about it is drawn once for the clip, so that
// all its frames are changed alike. Which frames are chosen does not depend on
// [data.Key.Draw]: repeated augmentation sees the same frames each time.
//
// The package does not normalise, mix or erase: those are operations of the graph.
// It decodes no video itself: that is left to the program ffmpeg, and everything
// but video files works without it.
package video
