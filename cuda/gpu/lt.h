/* cuBLASLt, opened at run time: versions 11 to 13 have the same functions. The types here
 * are those of cublasLt.h as far as they are used, so no header is needed to build. */
#ifndef M2PT_LT_H
#define M2PT_LT_H
#include <cuda.h>
#include <stdint.h>

typedef int lt_status; /* 0 is success */
enum { LT_NOT_INITIALIZED = 1 };

enum { LT_F32 = 0, LT_BF16 = 14 }; /* cudaDataType */

typedef struct { uint64_t data[8]; } lt_algo;
typedef struct {
  lt_algo algo;
  size_t workspace;
  lt_status state;
  float waves;
  int reserved[4];
} lt_proposal;

typedef struct {
  void *library, *handle;
  size_t version; /* 120201 is 12.2.1 */
  lt_status (*create)(void **);
  lt_status (*destroy)(void *);
  size_t (*get_version)(void);
  const char *(*status_name)(lt_status); /* may be missing */
  lt_status (*matmul)(void *handle, void *desc, const void *alpha, const void *a, void *a_layout, const void *b,
                      void *b_layout, const void *beta, const void *c, void *c_layout, void *d, void *d_layout,
                      const lt_algo *, void *workspace, size_t workspace_bytes, CUstream);
  lt_status (*desc_create)(void **, int compute, int scale);
  lt_status (*desc_destroy)(void *);
  lt_status (*desc_set)(void *, int attribute, const void *, size_t);
  lt_status (*layout_create)(void **, int type, uint64_t rows, uint64_t columns, int64_t ld);
  lt_status (*layout_destroy)(void *);
  lt_status (*preference_create)(void **);
  lt_status (*preference_destroy)(void *);
  lt_status (*preference_set)(void *, int attribute, const void *, size_t);
  lt_status (*heuristic)(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int most,
                         lt_proposal *, int *found);
} lt_library;

/* A product in cuBLASLt's terms: D [m, n] = op(A)·op(B) over k, column-major. */
typedef struct {
  uint64_t m, n, k;
  int transpose_a, transpose_b;
  int in, out;         /* cudaDataType */
  int bias;            /* whether there is one, of m values */
  int bias_type;       /* cudaDataType */
  uint32_t aligned[3]; /* bytes that the addresses of A, B and D are multiples of */
} lt_product;

typedef struct {
  void *desc, *a, *b, *d;
  int bias;
  lt_algo algo;
  size_t workspace;
} lt_plan;

/* lt_open loads the library called name; NULL is success, else it tells why not. */
const char *lt_open(lt_library *, const char *name);
/* lt_status_name is NULL where the library does not tell. */
const char *lt_status_name(const lt_library *, lt_status);
/* lt_start makes the handle, in the current context; lt_close undoes both. */
lt_status lt_start(lt_library *);
void lt_close(lt_library *);

/* lt_prepare makes a plan without algorithm and asks for at most `most` proposals, best
 * first. The plan is to be freed whatever the result. */
lt_status lt_prepare(lt_library *, const lt_product *, size_t workspace, lt_plan *, lt_proposal *, int most, int *found);
void lt_free(lt_library *, lt_plan *);

/* lt_run makes the context current on the calling thread and starts the product. */
lt_status lt_run(const lt_library *, CUcontext, CUstream, const lt_plan *, CUdeviceptr a, CUdeviceptr b,
                 CUdeviceptr bias, CUdeviceptr d, CUdeviceptr workspace);
#endif
