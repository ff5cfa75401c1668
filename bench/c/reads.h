// What the two file readers share: the file, where to read next, checking what came, and the result.
// The file's 4 KiB blocks begin with their own number (8 bytes, little-endian); the runner makes it so.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"

enum { BLOCK = 4096 };

static const char *path;
static int depth, direct;
static double wanted_seconds;
static uint64_t blocks, seed = 88172645463325252ULL, reads_done, wrong;
static double started, cpu_started;

// Arguments: FILE DEPTH SECONDS [direct]
static int open_file(void) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
  if (fd < 0) die(path);
  return fd;
}

static void begin(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s FILE DEPTH SECONDS [direct]\n", argv[0]);
    exit(2);
  }
  path = argv[1], depth = atoi(argv[2]), wanted_seconds = atof(argv[3]), direct = argc > 4;
  struct stat status;
  if (stat(path, &status) < 0) die(path);
  blocks = (uint64_t)status.st_size / BLOCK;
  if (!blocks || depth < 1) exit(2);
  started = seconds_of(CLOCK_MONOTONIC);
  cpu_started = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static uint64_t next_block(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed % blocks;
}

static void arrived(const void *buffer, ssize_t length, uint64_t block) {
  reads_done++;
  if (length != BLOCK || memcmp(buffer, &block, sizeof block) != 0) wrong++;
}

static int time_left(void) {
  static unsigned calls;
  static int more = 1;
  if ((calls++ & 63) == 0) more = seconds_of(CLOCK_MONOTONIC) - started < wanted_seconds;
  return more;
}

static int finish(void) {
  double seconds = seconds_of(CLOCK_MONOTONIC) - started, cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_started;
  printf("{\"operations\":%llu,\"seconds\":%.6f,\"operationsPerSecond\":%.1f,\"cpuSeconds\":%.6f,"
         "\"cpuMicrosPerOperation\":%.4f,\"wrong\":%llu}\n",
         (unsigned long long)reads_done, seconds, (double)reads_done / seconds, cpu, cpu * 1e6 / (double)reads_done,
         (unsigned long long)wrong);
  return wrong ? 3 : 0;
}
