// For the self-check: an echo server that does nothing at all for STALL milliseconds out of every EVERY
// (arguments: PORT EVERY STALL, by default 500 and 50). A generator that waits for an answer before it
// thinks of the next message would hardly notice; one that counts from the due time must show it in p99.
#include "faulty.h"

static double every = 500, stall = 50;

static double milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static ssize_t late(int fd, char *data, size_t length) {
  static double next;
  double now = milliseconds();
  if (next == 0) next = now + every;
  if (now >= next) {
    usleep((useconds_t)(stall * 1000));
    next += every;
  }
  return send(fd, data, length, MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
  if (argc > 3) every = atof(argv[2]), stall = atof(argv[3]);
  serve_forever(argc > 1 ? argv[1] : "0", late);
}
