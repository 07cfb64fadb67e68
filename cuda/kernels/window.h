// Windows cut a grid of tokens as ops.Windows does.
#pragma once
#include "kernel.h"

struct Windows {
  int heads, width;  // of a head
  int rows, columns, high, wide, shift;

  DEVICE int length() const { return high * wide; }
  DEVICE int count() const { return rows / high * (columns / wide); }
  DEVICE int tokens() const { return rows * columns; }
  DEVICE int token(int window, int place) const {
    int across = columns / wide;
    int row = window / across * high + place / wide, column = window % across * wide + place % wide;
    return (row + shift) % rows * columns + column;
  }
  DEVICE bool apart(int window, int i, int j) const {
    int top = window / (columns / wide) * high;
    return (top + i / wide >= rows - shift) != (top + j / wide >= rows - shift);
  }
  // Where things begin: a row of a head in qkv and in o, a weight, a bias.
  DEVICE long packed(long b, int part, int token, int h) const {
    return (((b * tokens() + token) * 3 + part) * heads + h) * width;
  }
  DEVICE long plain(long b, int token, int h) const { return ((b * tokens() + token) * heads + h) * width; }
  DEVICE long weight(long b, int h, int window, int i, int j) const {
    return (((b * heads + h) * count() + window) * length() + i) * length() + j;
  }
  DEVICE long pair(long table, int i, int j, int h) const { return ((table * length() + i) * length() + j) * heads + h; }
};

// Query is query number i of a sample in the order of weights.
struct Query {
  int h, window, place;
  DEVICE Query(const Windows& w, unsigned i) {
    unsigned length = w.length(), count = w.count();
    place = i % length, i /= length;
    window = i % count, h = i / count;
  }
};

// Piece begins at element i of a sample in a tensor like qkv (parts 3) or o (parts 1).
struct Piece {
  int part, h, column, window, place;
  DEVICE Piece(const Windows& w, unsigned i, unsigned parts) {
    unsigned width = w.width, heads = w.heads, columns = w.columns;
    column = i % width, i /= width;
    h = i % heads, i /= heads;
    part = i % parts, i /= parts;
    int row = (int)(i / columns) - w.shift, across = i % columns;
    if (row < 0) row += w.rows;
    window = row / w.high * (w.columns / w.wide) + across / w.wide;
    place = row % w.high * w.wide + across % w.wide;
  }
};

// FOR_SAMPLES(b, samples) shares the samples over the grid's y.
#define FOR_SAMPLES(b, samples) for (long b = blockIdx.y; b < (samples); b += gridDim.y)
