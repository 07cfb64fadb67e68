// What emu.h and kernel.h offer, in kernels that a test can check element by element.
#include "../../kernel.h"

// d[16,8] = a[16,16]·b[16,8] + 1 by one warp, with every element put where the manual of
// PTX numbers it.
KERNEL(mma_by_element, 32, (float* d, const bf16* a, const bf16* b)) {
  unsigned ra[4] = {}, rb[2] = {};
  float rd[4] = {1, 1, 1, 1};
  int group = lane() / 4, in_group = lane() % 4;
  for (int i = 0; i < 8; i++) {
    int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8, col = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
    ra[i / 2] |= (unsigned)a[row * 16 + col].bits << 16 * (i & 1);
  }
  for (int i = 0; i < 4; i++)
    rb[i / 2] |= (unsigned)b[(in_group * 2 + (i & 1) + (i < 2 ? 0 : 8)) * 8 + group].bits << 16 * (i & 1);
  mma_m16n8k16_bf16(rd, ra, rb, rd);
  for (int i = 0; i < 4; i++) d[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)] = rd[i];
}

// The same with ldmatrix, plain and transposed, and asynchronous copies.
KERNEL(mma_by_ldmatrix, 32, (float* d, const bf16* a, const bf16* b)) {
  SMEM(bf16, sa, [16][16]);
  SMEM(bf16, sb, [32][8]);  // two copies of b: ldmatrix wants four matrices
  cp_async16(&sa[lane() / 2][lane() % 2 * 8], a + lane() * 8);
  cp_async16(&sb[lane()][0], b + lane() % 16 * 8);
  cp_async_commit();
  cp_async_wait<0>();
  __syncwarp();
  unsigned ra[4], rb[4];
  float rd[4] = {1, 1, 1, 1};
  ldmatrix_x4(ra, &sa[lane() & 15][(lane() >> 4) * 8]);
  ldmatrix_x4_trans(rb, &sb[lane()][0]);
  mma_m16n8k16_bf16(rd, ra, rb, rd);
  for (int i = 0; i < 4; i++) d[(lane() / 4 + i / 2 * 8) * 8 + lane() % 4 * 2 + i % 2] = rd[i];
}

// Each thread of a block puts down what every shuffle and vote gives it.
KERNEL(shuffles, 32, (int* y)) {
  int v = 100 + lane(), *mine = y + lane() * 8;
  mine[0] = __shfl_sync(ALL_LANES, v, 5);
  mine[1] = __shfl_sync(ALL_LANES, v, 3, 8);
  mine[2] = __shfl_xor_sync(ALL_LANES, v, 9);
  mine[3] = __shfl_up_sync(ALL_LANES, v, 2);
  mine[4] = __shfl_down_sync(ALL_LANES, v, 3, 16);
  mine[5] = (int)__ballot_sync(ALL_LANES, lane() % 3 == 0);
  mine[6] = __any_sync(ALL_LANES, lane() == 7) * 2 + __all_sync(ALL_LANES, lane() < 31);
  mine[7] = lane() < 4 ? __shfl_xor_sync(0xfu, v, 1) : 0;
}

KERNEL(reduce_block, 1024, (float* sum, float* largest, const float* x)) {
  float s = block_sum(x[threadIdx.x]), m = block_max(x[threadIdx.x]);
  sum[threadIdx.x] = s + block_sum(0.f);
  largest[threadIdx.x] = m;
}

KERNEL(reduce_warp, 1024, (float* sum, float* largest, const float* x)) {
  sum[threadIdx.x] = warp_sum(x[threadIdx.x]);
  largest[threadIdx.x] = warp_max(x[threadIdx.x]);
}

KERNEL(philox_blocks, 256, (long n, uint4* y, const uint4* counter, const long* key)) {
  FOR_GRID(i, n) y[i] = philox((unsigned long)key[i], counter[i]);
}

KERNEL(round_all, 256, (long n, bf16* y, unsigned* pairs, const float* x)) {
  FOR_GRID(i, n) {
    y[i] = to_bf16(x[i]);
    pairs[i] = pack_bf16(x[i], x[n - 1 - i]);
  }
}

template <int N, class V> DEVICE void move(V* y, const V* x) {
  float v[N];
  load(v, x);
  store(y, v);
}
template <class V> DEVICE void move_all(V* y, const V* x) {
  move<8>(y, x), move<8>(y + 8, x + 8), move<4>(y + 16, x + 16), move<4>(y + 20, x + 20), move<2>(y + 24, x + 24);
  move<16>(y + 32, x + 32);
  for (int i = 26; i < 32; i++) store(y + i, load(x + i));
}
// 48 values by vectors of every width.
KERNEL(vectors, 32, (float* y, const float* x, bf16* v, const bf16* u)) {
  if (threadIdx.x == 0) move_all(y, x);
  if (threadIdx.x == 1) move_all(v, u);
}

// Counts in how many elements of [0, n) a grid-stride loop comes.
KERNEL(visits, 64, (long n, int* y)) {
  FOR_GRID(i, n) atomicAdd(&y[i], 1);
}

// One word of each thread of a launch with every coordinate.
KERNEL(places, 64, (int* y, int width, float number, long large)) {
  long block = blockIdx.x + (long)gridDim.x * (blockIdx.y + (long)gridDim.y * blockIdx.z);
  bool right = blockDim.x * blockDim.y * blockDim.z == (unsigned)width && number == 0.5f && large == (1l << 40) - 1 && threadIdx.y == 0;
  y[block * blockDim.x + threadIdx.x] = right ? (int)(block * 100 + threadIdx.x) : -1;
}
