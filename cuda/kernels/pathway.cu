// Working weights Ŵ = W + Σ λ·W′, kept as T. Of n elements and k terms it moves
// n·(4 + 4k + sizeof(T)) bytes.
#include "typed.h"
#include "map.h"

KERNEL(pathway, 256, (long n, T* y, const float* w, const float* lambda, const float* aux)) {
  float s = *lambda;
  map(n, y, w, aux, [s](float u, float v) { return fmaf(s, v, u); });
}

struct Term {
  const float *lambda, *aux;
};

// pathway_sum has any number of terms.
KERNEL(pathway_sum, 256, (long n, int terms, T* y, const float* w, const Term* term)) {
  bool wide = aligned(16, y, w);
  for (int k = 0; k < terms; k++) wide = wide && aligned(16, term[k].aux);
  long eights = wide ? n / 8 : 0;
  FOR_GRID(i, eights) {
    float u[8], v[8];
    load(u, w + i * 8);
    for (int k = 0; k < terms; k++) {
      float s = *term[k].lambda;
      load(v, term[k].aux + i * 8);
#pragma unroll
      for (int j = 0; j < 8; j++) u[j] = fmaf(s, v[j], u[j]);
    }
    store(y + i * 8, u);
  }
  FOR_GRID(i, n - eights * 8) {
    long j = eights * 8 + i;
    float u = w[j];
    for (int k = 0; k < terms; k++) u = fmaf(*term[k].lambda, term[k].aux[j], u);
    store(y + j, u);
  }
}
