// A log-linear histogram in the manner of HdrHistogram: 256 steps per power of two, so every recorded
// time is kept to within 0.4 per cent, from one nanosecond to eighteen minutes, in constant time and memory.
#pragma once
#include <stdint.h>
#include <string.h>

enum { STEP_BITS = 8, STEPS = 1 << STEP_BITS, POWERS = 40 - STEP_BITS + 1 };

struct histogram {
  uint64_t count, max;
  uint64_t bins[POWERS * STEPS];
};

static inline void record(struct histogram *h, uint64_t nanoseconds) {
  if (nanoseconds > h->max) h->max = nanoseconds;
  h->count++;
  if (nanoseconds >= 1ULL << 40) nanoseconds = (1ULL << 40) - 1;
  // Values below 2 * STEPS have a bin each; above, the top STEP_BITS + 1 bits choose the bin.
  unsigned shift = nanoseconds < 2 * STEPS ? 0 : (unsigned)(63 - __builtin_clzll(nanoseconds)) - STEP_BITS;
  h->bins[shift * STEPS + (nanoseconds >> shift)]++;
}

// The value below which `fraction` of the records lie (the middle of its bin), or -1 when fewer than a
// hundred records lie above it: such a percentile would be an anecdote.
static inline double percentile(const struct histogram *h, double fraction) {
  if ((double)h->count * (1 - fraction) < 99.999) return -1;
  uint64_t wanted = (uint64_t)((double)h->count * fraction), seen = 0;
  for (unsigned i = 0; i < POWERS * STEPS; i++) {
    seen += h->bins[i];
    if (seen <= wanted) continue;
    unsigned shift = i < 2 * STEPS ? 0 : i / STEPS - 1;
    double low = (double)((uint64_t)(i - shift * STEPS) << shift);
    double middle = low + (double)((1ULL << shift) - 1) / 2;
    return middle < (double)h->max ? middle : (double)h->max;
  }
  return (double)h->max;
}
