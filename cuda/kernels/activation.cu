// Activations and their gradients: n values read and written (forward), 2n read and n
// written (gradient). y may be x, dx may be x or dy.
#include "typed.h"
#include "map.h"

// Tail has the normal density at x but for its factor 1/√2π, exp(-x²/2), and its integral
// beyond |x|, by Abramowitz and Stegun 7.1.26 (error below 1e-7). These are two special
// functions in 12 instructions: erff and expf would keep the memory waiting.
struct Tail {
  float density, beyond;
};
DEVICE Tail tail(float x) {
  x = fminf(fmaxf(x, -20.f), 20.f);  // both are 0 there, and infinity times 0 is no number
  float t = rcp_approx(fmaf(0.231641900f, fabsf(x), 1.f));
  float e = exp2_approx(x * (x * -0.72134752f));
  float p = fmaf(t, 0.5307027145f, -0.7265760135f);
  p = fmaf(t, p, 0.7107068705f);
  p = fmaf(t, p, -0.142248368f);
  p = fmaf(t, p, 0.127414796f);
  return {e, t * p * e};
}

// y = x·Φ(x)
KERNEL(gelu, 256, (long n, T* y, const T* x)) {
  map(n, y, x, [](float u) { return fmaf(-fminf(fabsf(u), 20.f), tail(u).beyond, fmaxf(u, 0.f)); });
}

// dx = dy·(Φ(x) + x·φ(x))
KERNEL(gelu_grad, 256, (long n, T* dx, const T* x, const T* dy)) {
  map(n, dx, x, dy, [](float u, float d) {
    Tail z = tail(u);
    float Phi = u < 0 ? z.beyond : 1.f - z.beyond;
    return d * fmaf(fminf(fmaxf(u, -20.f), 20.f) * z.density, 0.39894228f, Phi);
  });
}

// y = x where x is positive (or no number) and slope·x elsewhere
KERNEL(leaky_relu, 256, (long n, T* y, const T* x, float slope)) {
  map(n, y, x, [slope](float u) { return u <= 0 ? slope * u : u; });
}

KERNEL(leaky_relu_grad, 256, (long n, T* dx, const T* x, const T* dy, float slope)) {
  map(n, dx, x, dy, [slope](float u, float d) { return u <= 0 ? slope * d : d; });
}
