// Streams, events, capture and graphs.
#include <time.h>

#include "fake.h"

namespace fake {

static thread_local char me;             // its address tells threads apart
static thread_local Stream* capturing;  // by this thread

static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static Stream* find(CUstream s) {
  auto at = state().streams.find(s);
  return at == state().streams.end() ? nullptr : at->second;
}

static Event* find(CUevent e) {
  auto at = state().events.find(e);
  return at == state().events.end() ? nullptr : at->second;
}

CUresult unsafe_in_capture() {
  if (!capturing) return CUDA_SUCCESS;
  capturing->invalid = true;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult enqueue(CUstream s, Work w) {
  Stream* to = find(s);
  if (!to) return CUDA_ERROR_INVALID_HANDLE;
  (to->capturing ? to->captured : to->queue).push_back(std::move(w));
  return CUDA_SUCCESS;
}

CUresult run(Stream* s, size_t n) {
  State& S = state();
  while (s->done < n && S.broken == CUDA_SUCCESS) {
    Work w = std::move(s->queue[s->done++]);
    if (CUresult r = w()) S.broken = r;
  }
  return S.broken;
}

// reach does what comes before an event.
static CUresult reach(Event* e) {
  Stream* s = find(e->stream);
  return s ? run(s, e->at) : CUDA_SUCCESS;
}

}  // namespace fake

using namespace fake;

extern "C" {

CUresult cuStreamCreate(CUstream* s, unsigned flags) {
  API(cuStreamCreate);
  if (flags != CU_STREAM_NON_BLOCKING) return wrong(CUDA_ERROR_NOT_SUPPORTED, "a stream that waits for the null stream");
  Stream* made = new Stream;
  *s = (CUstream)made;
  S.streams[*s] = made;
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy(CUstream s) {
  API(cuStreamDestroy);
  Stream* it = find(s);
  if (!it) return CUDA_ERROR_INVALID_HANDLE;
  CUresult r = run(it, it->queue.size());
  S.streams.erase(s);
  delete it;
  return r;
}

CUresult cuStreamSynchronize(CUstream s) {
  API(cuStreamSynchronize);
  if (CUresult r = unsafe_in_capture()) return r;
  Stream* it = find(s);
  if (!it) return CUDA_ERROR_INVALID_HANDLE;
  return run(it, it->queue.size());
}

CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned) {
  API(cuStreamWaitEvent);
  Event* it = find(e);
  if (!it) return CUDA_ERROR_INVALID_HANDLE;
  if (CUresult r = unsafe_in_capture()) return r;
  Event then = *it;  // as recorded now
  return enqueue(s, [then]() mutable { return reach(&then); });
}

CUresult cuEventCreate(CUevent* e, unsigned flags) {
  API(cuEventCreate);
  Event* made = new Event;
  made->timing = !(flags & CU_EVENT_DISABLE_TIMING);
  *e = (CUevent)made;
  S.events[*e] = made;
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent e) {
  API(cuEventDestroy);
  Event* it = find(e);
  if (!it) return CUDA_ERROR_INVALID_HANDLE;
  S.events.erase(e);
  delete it;
  return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent e, CUstream s) {
  API(cuEventRecord);
  Event* it = find(e);
  Stream* on = find(s);
  if (!it || !on) return CUDA_ERROR_INVALID_HANDLE;
  if (CUresult r = unsafe_in_capture()) return r;
  on->queue.push_back([e] {
    if (Event* it = find(e)) it->ms = now();
    return CUDA_SUCCESS;
  });
  it->stream = s, it->at = on->queue.size();
  return CUDA_SUCCESS;
}

CUresult cuEventSynchronize(CUevent e) {
  API(cuEventSynchronize);
  Event* it = find(e);
  if (!it) return CUDA_ERROR_INVALID_HANDLE;
  if (CUresult r = unsafe_in_capture()) return r;
  return reach(it);
}

CUresult cuEventElapsedTime(float* ms, CUevent from, CUevent to) {
  API(cuEventElapsedTime);
  Event *a = find(from), *b = find(to);
  if (!a || !b || !a->timing || !b->timing || !a->stream || !b->stream) return CUDA_ERROR_INVALID_HANDLE;
  if (find(a->stream)->done < a->at || find(b->stream)->done < b->at) return CUDA_ERROR_NOT_READY;
  *ms = (float)(b->ms - a->ms);
  return CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode) {
  API(cuStreamBeginCapture);
  Stream* it = find(s);
  if (!it || it->capturing) return CUDA_ERROR_INVALID_HANDLE;
  if (mode != CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) return wrong(CUDA_ERROR_NOT_SUPPORTED, "capture mode %d", mode);
  it->capturing = true, it->invalid = false, it->thread = &me;
  capturing = it;
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream s, CUgraph* g) {
  API(cuStreamEndCapture);
  Stream* it = find(s);
  *g = nullptr;
  if (!it || !it->capturing) return CUDA_ERROR_INVALID_HANDLE;
  if (it->thread != &me) return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
  it->capturing = false, capturing = nullptr;
  std::vector<Work> work;
  work.swap(it->captured);
  if (it->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  auto* made = new std::vector<Work>(std::move(work));
  *g = (CUgraph)made;
  S.graphs[*g] = made;
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* e, CUgraph g, unsigned long long) {
  API(cuGraphInstantiateWithFlags);
  auto at = S.graphs.find(g);
  if (at == S.graphs.end()) return CUDA_ERROR_INVALID_HANDLE;
  auto* made = new std::vector<Work>(*at->second);
  *e = (CUgraphExec)made;
  S.execs[*e] = made;
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph g) {
  API(cuGraphDestroy);
  auto at = S.graphs.find(g);
  if (at == S.graphs.end()) return CUDA_ERROR_INVALID_HANDLE;
  delete at->second;
  S.graphs.erase(at);
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec e) {
  API(cuGraphExecDestroy);
  auto at = S.execs.find(e);
  if (at == S.execs.end()) return CUDA_ERROR_INVALID_HANDLE;
  delete at->second;
  S.execs.erase(at);
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec e, CUstream s) {
  API(cuGraphLaunch);
  auto at = S.execs.find(e);
  if (at == S.execs.end()) return CUDA_ERROR_INVALID_HANDLE;
  if (CUresult r = unsafe_in_capture()) return r;
  for (const Work& w : *at->second)
    if (CUresult r = enqueue(s, w)) return r;
  return CUDA_SUCCESS;
}

}  // extern "C"
