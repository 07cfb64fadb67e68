//go:build m2ptcuda

#include "lt.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The values that cublasLt.h has for them. */
enum { COMPUTE_32F = 68, OP_T = 1 };
enum { EPILOGUE_BIAS = 4 };
enum { DESC_TRANSA = 3, DESC_TRANSB = 4, DESC_EPILOGUE = 7, DESC_BIAS_POINTER = 8, DESC_BIAS_TYPE = 26 };
enum { PREFERENCE_WORKSPACE = 1, PREFERENCE_REDUCTIONS = 3, PREFERENCE_ALIGNMENT_A = 5, PREFERENCE_ALIGNMENT_B = 6,
       PREFERENCE_ALIGNMENT_C = 7, PREFERENCE_ALIGNMENT_D = 8 };
enum { REDUCTION_IN_FLOAT32 = 2 };

const char *lt_open(lt_library *l, const char *name) {
  static const struct { const char *symbol; size_t offset; } functions[] = {
      {"cublasLtCreate", offsetof(lt_library, create)},
      {"cublasLtDestroy", offsetof(lt_library, destroy)},
      {"cublasLtGetVersion", offsetof(lt_library, get_version)},
      {"cublasLtMatmul", offsetof(lt_library, matmul)},
      {"cublasLtMatmulDescCreate", offsetof(lt_library, desc_create)},
      {"cublasLtMatmulDescDestroy", offsetof(lt_library, desc_destroy)},
      {"cublasLtMatmulDescSetAttribute", offsetof(lt_library, desc_set)},
      {"cublasLtMatrixLayoutCreate", offsetof(lt_library, layout_create)},
      {"cublasLtMatrixLayoutDestroy", offsetof(lt_library, layout_destroy)},
      {"cublasLtMatmulPreferenceCreate", offsetof(lt_library, preference_create)},
      {"cublasLtMatmulPreferenceDestroy", offsetof(lt_library, preference_destroy)},
      {"cublasLtMatmulPreferenceSetAttribute", offsetof(lt_library, preference_set)},
      {"cublasLtMatmulAlgoGetHeuristic", offsetof(lt_library, heuristic)},
  };
  memset(l, 0, sizeof *l);
  l->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!l->library) return dlerror();
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *f = dlsym(l->library, functions[i].symbol);
    if (!f) {
      static _Thread_local char why[512]; /* closing takes dlerror's */
      snprintf(why, sizeof why, "%s: it has no %s", name, functions[i].symbol);
      lt_close(l);
      return why;
    }
    memcpy((char *)l + functions[i].offset, &f, sizeof f);
  }
  void *f = dlsym(l->library, "cublasLtGetStatusName");
  memcpy(&l->status_name, &f, sizeof f);
  l->version = l->get_version();
  return NULL;
}

const char *lt_status_name(const lt_library *l, lt_status s) { return l->status_name ? l->status_name(s) : NULL; }

lt_status lt_start(lt_library *l) { return l->create(&l->handle); }

void lt_close(lt_library *l) {
  if (l->handle) l->destroy(l->handle);
  if (l->library) dlclose(l->library);
  memset(l, 0, sizeof *l);
}

/* Attributes are set one after another until one fails. */
typedef lt_status (*setter)(void *, int attribute, const void *, size_t);
static void set(lt_status *s, setter f, void *object, int attribute, const void *value, size_t bytes) {
  if (*s == 0) *s = f(object, attribute, value, bytes);
}

static lt_status describe(lt_library *l, const lt_product *p, lt_plan *plan) {
  lt_status s = l->desc_create(&plan->desc, COMPUTE_32F, LT_F32); /* sums in float32, no TF32 */
  int t = OP_T, epilogue = EPILOGUE_BIAS;
  if (p->transpose_a) set(&s, l->desc_set, plan->desc, DESC_TRANSA, &t, sizeof t);
  if (p->transpose_b) set(&s, l->desc_set, plan->desc, DESC_TRANSB, &t, sizeof t);
  if (p->bias) {
    set(&s, l->desc_set, plan->desc, DESC_EPILOGUE, &epilogue, sizeof epilogue);
    if (p->bias_type != p->out) set(&s, l->desc_set, plan->desc, DESC_BIAS_TYPE, &p->bias_type, sizeof p->bias_type);
  }
  plan->bias = p->bias;
  uint64_t a[2] = {p->m, p->k}, b[2] = {p->k, p->n};
  int ta = p->transpose_a != 0, tb = p->transpose_b != 0;
  if (s == 0) s = l->layout_create(&plan->a, p->in, a[ta], a[!ta], (int64_t)a[ta]);
  if (s == 0) s = l->layout_create(&plan->b, p->in, b[tb], b[!tb], (int64_t)b[tb]);
  if (s == 0) s = l->layout_create(&plan->d, p->out, p->m, p->n, (int64_t)p->m);
  return s;
}

lt_status lt_prepare(lt_library *l, const lt_product *p, size_t workspace, lt_plan *plan, lt_proposal *proposals,
                     int most, int *found) {
  void *preference = NULL;
  uint32_t reductions = REDUCTION_IN_FLOAT32; /* of split sums: never in the storage of D */
  memset(plan, 0, sizeof *plan);
  *found = 0;
  lt_status s = describe(l, p, plan);
  if (s == 0) s = l->preference_create(&preference);
  set(&s, l->preference_set, preference, PREFERENCE_WORKSPACE, &workspace, sizeof workspace);
  set(&s, l->preference_set, preference, PREFERENCE_REDUCTIONS, &reductions, sizeof reductions);
  set(&s, l->preference_set, preference, PREFERENCE_ALIGNMENT_A, &p->aligned[0], sizeof(uint32_t));
  set(&s, l->preference_set, preference, PREFERENCE_ALIGNMENT_B, &p->aligned[1], sizeof(uint32_t));
  set(&s, l->preference_set, preference, PREFERENCE_ALIGNMENT_C, &p->aligned[2], sizeof(uint32_t));
  set(&s, l->preference_set, preference, PREFERENCE_ALIGNMENT_D, &p->aligned[2], sizeof(uint32_t));
  if (s == 0) s = l->heuristic(l->handle, plan->desc, plan->a, plan->b, plan->d, plan->d, preference, most, proposals, found);
  if (preference) l->preference_destroy(preference);
  return s;
}

void lt_free(lt_library *l, lt_plan *plan) {
  if (plan->desc) l->desc_destroy(plan->desc);
  if (plan->a) l->layout_destroy(plan->a);
  if (plan->b) l->layout_destroy(plan->b);
  if (plan->d) l->layout_destroy(plan->d);
  memset(plan, 0, sizeof *plan);
}

lt_status lt_run(const lt_library *l, CUcontext context, CUstream stream, const lt_plan *p, CUdeviceptr a, CUdeviceptr b,
                 CUdeviceptr bias, CUdeviceptr d, CUdeviceptr workspace) {
  static const float one = 1, zero = 0;
  if (cuCtxSetCurrent(context) != CUDA_SUCCESS) return LT_NOT_INITIALIZED;
  if (p->bias) {
    lt_status s = l->desc_set(p->desc, DESC_BIAS_POINTER, &bias, sizeof bias);
    if (s != 0) return s;
  }
  return l->matmul(l->handle, p->desc, &one, (const void *)a, p->a, (const void *)b, p->b, &zero, (const void *)d, p->d,
                   (void *)d, p->d, &p->algo, (void *)workspace, p->workspace, stream);
}
