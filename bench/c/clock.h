// What every program here begins with: how it dies, and clocks, a process's CPU time among them.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECOND 1000000000ULL

__attribute__((noreturn)) static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline uint64_t clock_of(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t) < 0) die("clock_gettime");
  return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}
static inline uint64_t now(void) {
  return clock_of(CLOCK_MONOTONIC);
}
static inline double seconds_of(clockid_t id) {
  return (double)clock_of(id) / 1e9;
}
