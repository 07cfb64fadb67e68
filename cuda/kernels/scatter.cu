// Sums of the tokens that an index sends to the same place. Every warp looks through the
// index for its own place, so sums have the order of the tokens, and no place is missed.
// An index outside the places makes all sums that looked at it not a number.
#include "typed.h"
#include "tile.h"

// add_sent adds the rows m of x [., D] with index[m] = place, over 32 values of m out of
// every 32·step from 32·first on, below M.
DEVICE void add_sent(float (&sum)[WIDE], Tile tile, long M, long first, long step, long N, int place, const T* x,
                     const int* index) {
  bool bad = false;
  for (long at = 32 * first; at < M; at += 32 * step) {
    int i = at + lane() < M ? index[at + lane()] : -1;
    bad |= at + lane() < M && (i < 0 || i >= N);
    for (unsigned sent = __ballot_sync(ALL_LANES, i == place); sent; sent &= sent - 1)
      tile.add(sum, x + (at + __ffs((int)sent) - 1) * tile.D);
  }
  if (__any_sync(ALL_LANES, bad)) fill(sum, not_a_number());
}

// y[b, n] = Σ x[b, m] over index[b, m] = n: x [B, M, D], y [B, N, D]; a warp for each TILE
// columns of y. Moves x and y.
KERNEL(scatter, 256, (long B, long M, long N, long D, T* y, const T* x, const int* index)) {
  long tiles = ceil_div(D, (long)TILE), warps = grid_threads() / 32;
  for (long i = grid_thread() / 32; i < B * N * tiles; i += warps) {
    long row = i / tiles, b = row / N;
    Tile tile = tile_of(i - row * tiles, D, x, y);
    float sum[WIDE] = {};
    add_sent(sum, tile, M, 0, 1, N, (int)(row - b * N), x + b * M * D, index + b * M);
    tile.store(y + row * D, sum);
  }
}

// The same with one table y [N, D] for all M tokens; a block for each TILE columns.
KERNEL(scatter_shared, 512, (long M, long N, long D, float* y, const T* x, const int* index)) {
  long tiles = ceil_div(D, (long)TILE), row = blockIdx.x / tiles;
  Tile tile = tile_of(blockIdx.x - row * tiles, D, x, y);
  float sum[WIDE] = {};
  add_sent(sum, tile, M, warp(), blockDim.x / 32, N, (int)row, x, index);
  sum_warps(sum);
  if (warp() == 0) tile.store(y + row * D, sum);
}
