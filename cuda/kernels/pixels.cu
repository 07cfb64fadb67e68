// Pictures: stored pixels become numbers a·v + b, with a and b of their channel. A launch
// takes C channels from c0 on, the fourth map holding for all further ones. `kept` says what
// pixels are kept as: 0 bytes, 1 T, 2 Other.
#include "typed.h"
#include "rows.h"

struct Maps {
  float a0, b0, a1, b1, a2, b2, a3, b3;
  DEVICE float a(int c) const { return c == 0 ? a0 : c == 1 ? a1 : c == 2 ? a2 : a3; }
  DEVICE float b(int c) const { return c == 0 ? b0 : c == 1 ? b1 : c == 2 ? b2 : b3; }
};

// y = a·x + b: x, y [B, channels, n]. Moves x and y.
template <int N, class P>
DEVICE void normalize_planes(long B, int channels, int c0, int C, long n, T* y, const P* x, Maps maps) {
  each_in_rows(B * C, n / N, [=](long r, long j) {
    float v[N];
    long b = r / C;
    int c = (int)(r - b * C);
    long at = (b * channels + c0 + c) * n + j * N;
    float scale = maps.a(c), shift = maps.b(c);
    read(v, x + at);
#pragma unroll
    for (int k = 0; k < N; k++) v[k] = scale * v[k] + shift;
    write(y + at, v);
  });
}
template <class P>
DEVICE void normalize_from(long B, int channels, int c0, int C, long n, T* y, const P* x, Maps maps) {
  if (multiples(WIDE, n) && aligned(16, y, x)) normalize_planes<WIDE>(B, channels, c0, C, n, y, x, maps);
  else normalize_planes<1>(B, channels, c0, C, n, y, x, maps);
}
KERNEL(normalize, 256, (int kept, long B, int channels, int c0, int C, long n, T* y, const void* x,
    float a0, float b0, float a1, float b1, float a2, float b2, float a3, float b3)) {
  Maps maps = {a0, b0, a1, b1, a2, b2, a3, b3};
  if (kept == 0) normalize_from(B, channels, c0, C, n, y, (const unsigned char*)x, maps);
  else if (kept == 1) normalize_from(B, channels, c0, C, n, y, (const T*)x, maps);
  else normalize_from(B, channels, c0, C, n, y, (const Other*)x, maps);
}

// How clips [B, channels, frames, H, W] split into gt·gh·gw patches [kt, kh, kw], st, sh
// and sw apart.
struct Cut {
  int channels, c0, C, frames, H, W, kt, kh, kw, st, sh, sw, gt, gh, gw;
};

// y [B, gt·gh·gw, entries] are the patches of x, normalised. A block makes a row of gw
// patches: a thread knows where its entries lie once and walks along the row, four patches
// at a time to have as many reads under way. Entries run over channel, time, row, column,
// or with last over time, row, column, channel. Moves x and y.
template <int N, class P> DEVICE void cut_patches(Cut g, bool last, T* y, const P* x, Maps maps) {
  constexpr int BATCH = 4;
  int pixels = g.kt * g.kh * g.kw;
  int row = blockIdx.x, h = row % g.gh, t = row / g.gh % g.gt, b = row / g.gh / g.gt;
  const P* corner = x + ((((long)b * g.channels + g.c0) * g.frames + t * g.st) * g.H + h * g.sh) * g.W;
  long entries = (long)g.channels * pixels;
  T* patch = y + row * g.gw * entries + (last ? g.c0 : g.c0 * pixels);
  for (int e = threadIdx.x * N; e < g.C * pixels; e += blockDim.x * N) {
    int c = last ? e % g.C : e / pixels, i = last ? e / g.C : e % pixels;
    int dt = i / (g.kh * g.kw), dh = i / g.kw % g.kh, dw = i % g.kw;
    const P* from = corner + (((long)c * g.frames + dt) * g.H + dh) * g.W + dw;
    T* to = patch + (last ? (long)i * g.channels + c : e);
    float scale = maps.a(c), shift = maps.b(c), v[BATCH][N];
    for (int w = 0; w < g.gw; w += BATCH) {
#pragma unroll
      for (int k = 0; k < BATCH; k++)
        if (w + k < g.gw) read(v[k], from + (long)(w + k) * g.sw);
#pragma unroll
      for (int k = 0; k < BATCH; k++) {
#pragma unroll
        for (int q = 0; q < N; q++) v[k][q] = scale * v[k][q] + shift;
        if (w + k < g.gw) write(to + (w + k) * entries, v[k]);
      }
    }
  }
}
template <class P> DEVICE void patches_from(Cut g, bool last, T* y, const P* x, Maps maps) {
  if (!last && multiples(WIDE, g.kw, g.sw, g.W) && aligned(16, y, x)) cut_patches<WIDE>(g, false, y, x, maps);
  else cut_patches<1>(g, last, y, x, maps);
}
KERNEL(patches, 256, (int kept, int last, int channels, int c0, int C, int frames, int H, int W,
    int kt, int kh, int kw, int st, int sh, int sw, int gt, int gh, int gw, T* y, const void* x,
    float a0, float b0, float a1, float b1, float a2, float b2, float a3, float b3)) {
  Maps maps = {a0, b0, a1, b1, a2, b2, a3, b3};
  Cut g = {channels, c0, C, frames, H, W, kt, kh, kw, st, sh, sw, gt, gh, gw};
  if (kept == 0) patches_from(g, last, y, (const unsigned char*)x, maps);
  else if (kept == 1) patches_from(g, last, y, (const T*)x, maps);
  else patches_from(g, last, y, (const Other*)x, maps);
}

// dx = Σ a·dy over the patches that show a pixel: a thread for each of `images`·C·frames·H·W
// pixels. Moves dx, and dy as often as pixels are shown.
KERNEL(patches_grad, 256, (long images, int last, int channels, int c0, int C, int frames, int H, int W,
    int kt, int kh, int kw, int st, int sh, int sw, int gt, int gh, int gw, T* dx, const T* dy,
    float a0, float a1, float a2, float a3)) {
  Maps maps = {a0, 0, a1, 0, a2, 0, a3, 0};
  int pixels = kt * kh * kw;
  each_in_rows(images * C * frames, (long)H * W, [=](long r, long j) {
    int t = (int)(r % frames), c = (int)(r / frames % C), h = (int)(j / W), w = (int)(j - (long)h * W);
    long b = r / frames / C;
    float sum = 0;
    for (int pt = max(0, ceil_div(t - kt + 1, st)); pt < gt && pt * st <= t; pt++)
      for (int ph = max(0, ceil_div(h - kh + 1, sh)); ph < gh && ph * sh <= h; ph++)
        for (int pw = max(0, ceil_div(w - kw + 1, sw)); pw < gw && pw * sw <= w; pw++) {
          int i = ((t - pt * st) * kh + h - ph * sh) * kw + w - pw * sw;
          long patch = ((b * gt + pt) * gh + ph) * gw + pw;
          sum += load(dy + patch * channels * pixels + (last ? i * channels + c0 + c : (c0 + c) * pixels + i));
        }
    store(dx + (((b * channels + c0 + c) * frames + t) * H + h) * W + w, maps.a(c) * sum);
  });
}
