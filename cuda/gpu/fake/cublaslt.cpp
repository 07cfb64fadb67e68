// The matrix products of cuBLASLt, plainly, with the library's own names and numbers
// written down a second time: a mistake in package gpu's does not repeat itself here.
#include <cuda.h>
#include <stdint.h>
#include <string.h>

extern "C" CUresult fake_enqueue(CUstream, CUresult (*)(const void*), const void*, size_t);
extern "C" int fake_covers(CUdeviceptr, size_t);
namespace fake {
long number(const char* name, long otherwise);
CUresult injected(const char* call);
}  // namespace fake

namespace {

enum Status { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum Type { R_32F = 0, R_16BF = 14 };

struct Desc {
  int compute, scale, transa = 0, transb = 0, epilogue = 1, bias_type = -1;
  uint64_t bias = 0;
};
struct Layout { int type; uint64_t rows, columns; int64_t ld; };
struct Preference { uint64_t workspace = 0; uint32_t reductions = 7, aligned[4] = {256, 256, 256, 256}; };
struct Algo { uint64_t index, workspace, aligned[3], unused[3]; };
struct Proposal { Algo algo; size_t workspace; int state; float waves; int reserved[4]; };
static_assert(sizeof(Algo) == 64 && sizeof(Proposal) == 96, "as in cublasLt.h");

size_t size(int type) { return type == R_16BF ? 2 : 4; }

float load(const char* p, int type, uint64_t i) {
  float f;
  if (type == R_32F) return memcpy(&f, p + i * 4, 4), f;
  uint16_t half;
  memcpy(&half, p + i * 2, 2);
  uint32_t bits = (uint32_t)half << 16;
  return memcpy(&f, &bits, 4), f;
}

void store(char* p, int type, uint64_t i, float f) {
  if (type == R_32F) {
    memcpy(p + i * 4, &f, 4);
    return;
  }
  uint32_t bits;
  memcpy(&bits, &f, 4);
  uint16_t half = f != f ? 0x7fff : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  memcpy(p + i * 2, &half, 2);
}

struct Product {
  Desc desc;
  Layout a, b, d;
  uint64_t pa, pb, pd;
  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.columns; }
  uint64_t k() const { return desc.transa ? a.rows : a.columns; }
  int bias_type() const { return desc.bias_type < 0 ? d.type : desc.bias_type; }
  bool has_bias() const { return desc.epilogue == 4; }

  bool fits() const {
    uint64_t arows = desc.transa ? k() : m(), acols = desc.transa ? m() : k();
    uint64_t brows = desc.transb ? n() : k(), bcols = desc.transb ? k() : n();
    return a.rows == arows && a.columns == acols && b.rows == brows && b.columns == bcols && a.ld >= (int64_t)a.rows &&
           b.ld >= (int64_t)b.rows && d.ld >= (int64_t)d.rows && m() && n() && k();
  }
};

bool covered(uint64_t p, const Layout& l) { return fake_covers(p, (size_t)(l.ld * (int64_t)(l.columns - 1) + (int64_t)l.rows) * size(l.type)); }

CUresult multiply(const void* data) {
  Product p;
  memcpy(&p, data, sizeof p);
  if (!covered(p.pa, p.a) || !covered(p.pb, p.b) || !covered(p.pd, p.d)) return CUDA_ERROR_ILLEGAL_ADDRESS;
  if (p.has_bias() && !fake_covers(p.desc.bias, p.m() * size(p.bias_type()))) return CUDA_ERROR_ILLEGAL_ADDRESS;
  uint64_t ai = p.desc.transa ? (uint64_t)p.a.ld : 1, ak = p.desc.transa ? 1 : (uint64_t)p.a.ld;
  uint64_t bj = p.desc.transb ? 1 : (uint64_t)p.b.ld, bk = p.desc.transb ? (uint64_t)p.b.ld : 1;
  for (uint64_t j = 0; j < p.n(); j++)
    for (uint64_t i = 0; i < p.m(); i++) {
      float sum = 0;
      for (uint64_t k = 0; k < p.k(); k++)
        sum += load((const char*)p.pa, p.a.type, i * ai + k * ak) * load((const char*)p.pb, p.b.type, j * bj + k * bk);
      if (p.has_bias()) sum += load((const char*)p.desc.bias, p.bias_type(), i);
      store((char*)p.pd, p.d.type, j * (uint64_t)p.d.ld + i, sum);
    }
  return CUDA_SUCCESS;
}

// NO_ALGORITHM is SUCCESS with an empty list.
enum { NO_ALGORITHM = -1 };

int supported(const Desc& d, const Layout& a, const Layout& b, const Layout& c) {
  if (d.compute != 68 || d.scale != R_32F || a.type != b.type || (a.type == R_32F && c.type != R_32F)) return NOT_SUPPORTED;
  if (d.epilogue == 1 || (d.epilogue == 4 && (d.bias_type < 0 || d.bias_type == c.type))) return SUCCESS;
  return d.epilogue == 4 ? (int)fake::number("FAKE_CUBLASLT_BIAS", NOT_SUPPORTED) : NOT_SUPPORTED;
}

// The numbers of proposals: slow is a second good one, broken the first that fails when it runs.
enum { GOOD, SLOW, BROKEN, ALL };

}  // namespace

extern "C" {

int cublasLtCreate(void** h) {
  if (int s = fake::injected("cublasLtCreate")) return s;
  return *h = new char, SUCCESS;
}
int cublasLtDestroy(void* h) { return delete (char*)h, SUCCESS; }
size_t cublasLtGetVersion(void) { return 120205; }
const char* cublasLtGetStatusName(int s) {
  switch (s) {
    case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "CUBLAS_STATUS_?";
}

int cublasLtMatmulDescCreate(Desc** d, int compute, int scale) {
  *d = new Desc;
  (*d)->compute = compute, (*d)->scale = scale;
  return SUCCESS;
}
int cublasLtMatmulDescDestroy(Desc* d) { return delete d, SUCCESS; }
int cublasLtMatmulDescSetAttribute(Desc* d, int attribute, const void* v, size_t n) {
  if (n == 8 && attribute == 8) return memcpy(&d->bias, v, 8), SUCCESS;
  if (n != 4) return INVALID_VALUE;
  switch (attribute) {
    case 3: return memcpy(&d->transa, v, 4), SUCCESS;
    case 4: return memcpy(&d->transb, v, 4), SUCCESS;
    case 7: return memcpy(&d->epilogue, v, 4), SUCCESS;
    case 26: return memcpy(&d->bias_type, v, 4), SUCCESS;
  }
  return INVALID_VALUE;
}

int cublasLtMatrixLayoutCreate(Layout** l, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  *l = new Layout{type, rows, columns, ld};
  return SUCCESS;
}
int cublasLtMatrixLayoutDestroy(Layout* l) { return delete l, SUCCESS; }

int cublasLtMatmulPreferenceCreate(Preference** p) { return *p = new Preference, SUCCESS; }
int cublasLtMatmulPreferenceDestroy(Preference* p) { return delete p, SUCCESS; }
int cublasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* v, size_t n) {
  if (attribute == 1 && n == 8) return memcpy(&p->workspace, v, 8), SUCCESS;
  if (attribute == 3 && n == 4) return memcpy(&p->reductions, v, 4), SUCCESS;
  if (attribute >= 5 && attribute <= 8 && n == 4) return memcpy(&p->aligned[attribute - 5], v, 4), SUCCESS;
  return INVALID_VALUE;
}

int cublasLtMatmulAlgoGetHeuristic(void*, const Desc* desc, const Layout* a, const Layout* b, const Layout* c, const Layout* d,
                                   const Preference* preference, int most, Proposal* list, int* found) {
  Product p{*desc, *a, *b, *d, 0, 0, 0};
  *found = 0;
  if (c != d || !p.fits() || preference->reductions & 4 || preference->aligned[2] != preference->aligned[3]) return INVALID_VALUE;
  if (int s = supported(*desc, *a, *b, *d)) return s == NO_ALGORITHM ? SUCCESS : s;
  for (uint64_t i = 0; i < ALL && (int)i < most; i++, ++*found) {
    memset(&list[i], 0, sizeof list[i]);
    list[i].workspace = i * 1024;
    list[i].algo = {i, i * 1024, {preference->aligned[0], preference->aligned[1], preference->aligned[3]}, {}};
  }
  return SUCCESS;
}

int cublasLtMatmul(void*, const Desc* desc, const float* alpha, const void* a, const Layout* al, const void* b, const Layout* bl,
                   const float* beta, const void*, const Layout*, void* d, const Layout* dl, const Algo* algo,
                   void* workspace, size_t bytes, CUstream s) {
  Product p{*desc, *al, *bl, *dl, (uint64_t)a, (uint64_t)b, (uint64_t)d};
  if (*alpha != 1 || *beta != 0 || !p.fits() || algo->index >= ALL || bytes < algo->workspace) return INVALID_VALUE;
  if (p.pa % algo->aligned[0] || p.pb % algo->aligned[1] || p.pd % algo->aligned[2]) return INVALID_VALUE;
  if (bytes && !fake_covers((CUdeviceptr)workspace, bytes)) return INVALID_VALUE;
  if (supported(*desc, *al, *bl, *dl) != SUCCESS) return NOT_SUPPORTED;
  if ((long)algo->index >= fake::number("FAKE_CUBLASLT_BROKEN", BROKEN)) return NOT_SUPPORTED;
  for (uint64_t i = 0; i <= algo->index; i++)
    if (fake_enqueue(s, multiply, &p, sizeof p) != CUDA_SUCCESS) return EXECUTION_FAILED;
  return SUCCESS;
}

}  // extern "C"
